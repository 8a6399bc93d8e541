using System.Net;
using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>The program as the kernel runs it: real datagrams from real sources (REQ-FLOOD-8).</summary>
public sealed class ShieldProgramTests
{
    private const int Never = 31;
    private static readonly byte[] Data = [4, 0, 0, 0];
    private static readonly byte[] Control = [1, 0, 0, 0];

    private readonly byte[] _buffer = new byte[2048];
    private readonly ShieldProgram _filter = new();

    public static TheoryData<string, int> Sizes
    {
        get
        {
            var sizes = new TheoryData<string, int>();
            foreach (string address in (string[])["127.0.0.1", "::1"])
                for (int bits = ShieldBits.MinBits; bits <= ShieldBits.MaxBits; bits++) sizes.Add(address, bits);
            return sizes;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void The_kernel_passes_and_drops_each_source_as_its_bit_says(string address, int bits)
    {
        using UdpSocket gateway = Open(address);
        UdpSocket[] senders = [.. Enumerable.Range(0, 40).Select(_ => Open(address))];
        try
        {
            var set = new ShieldBits(ShieldKey.Source);
            set.Clear(bits, passes: false);
            set.Set([.. senders.Take(10).Select(sender => sender.Local)], passes: true);
            foreach (byte[] datagram in (byte[][])[Data, Control])
            {
                (ShieldBits? data, ShieldBits? control) = datagram == Data ? (set, null) : ((ShieldBits?)null, set);
                Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(data, Never, control, Never)));
                foreach (UdpSocket sender in senders) sender.TrySendTo(gateway.Local, null, datagram);
                Endpoint[] passed = Received(gateway);
                Assert.Equal(senders.Select(sender => sender.Local).Where(source => Passes(set, source)).Order(), passed.Order());
                Assert.True(passed.Length >= 10);
                // Few bits let others pass too; many bits do not.
                if (bits >= 10) Assert.InRange(passed.Length, 10, 20);
            }

            Assert.True(SocketFilter.Drops(gateway.Descriptor) > 0);
            SocketFilter.Detach(gateway.Descriptor);
            foreach (UdpSocket sender in senders) sender.TrySendTo(gateway.Local, null, Data);
            Assert.Equal(senders.Length, Received(gateway).Length);
        }
        finally
        {
            foreach (UdpSocket sender in senders) sender.Dispose();
        }
    }

    [Fact]
    public void Data_packets_and_all_others_are_judged_apart()
    {
        using UdpSocket gateway = Open("127.0.0.1"), known = Open("127.0.0.1"), stranger = Open("127.0.0.1");
        ShieldBits set = Only(known, stranger);

        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(set, Never, null, 0)));
        Assert.Equal([4, 1, 1], Types(gateway, known, stranger));
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(null, 0, set, Never)));
        Assert.Equal([4, 1, 4], Types(gateway, known, stranger));
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(set, Never, set, Never)));
        Assert.Equal([4, 1], Types(gateway, known, stranger));
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(null, 0, null, 0)));
        Assert.Equal([4, 1, 4, 1], Types(gateway, known, stranger));
    }

    [Fact]
    public void The_longest_program_for_both_is_taken()
    {
        using UdpSocket gateway = Open("127.0.0.1");
        ShieldBits data = new(ShieldKey.Source), control = new(ShieldKey.Network);
        data.Clear(12, passes: false);
        control.Clear(ShieldBits.MaxBits, passes: true);
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(data, 3, control, 3)));

        ShieldBits proven = new(ShieldKey.Source), sessions = new(ShieldKey.Session);
        proven.Clear(14, passes: false);
        sessions.Clear(14, passes: false);
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(data, 3, proven, 3, sessions)));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Whoever_names_a_session_passes_as_its_bit_says(string address)
    {
        using UdpSocket gateway = Open(address), stranger = Open(address);
        SessionId[] ids = [.. Enumerable.Range(0, 400).Select(_ => SessionId.Read(RandomNumberGenerator.GetBytes(SessionId.Size)))];
        ShieldBits nobody = new(ShieldKey.Source), sessions = new(ShieldKey.Session);
        nobody.Clear(10, passes: false);
        sessions.Clear(14, passes: false);
        sessions.Set(ids.AsSpan(0, 100));
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(null, 0, nobody, Never, sessions)));
        List<SessionId> passed = [];
        foreach (SessionId id in ids)
        {
            byte[] datagram = new byte[Prepare.SessionOffset + SessionId.Size];
            datagram[0] = (byte)MessageType.Prepare;
            id.Write(datagram.AsSpan(Prepare.SessionOffset));
            stranger.TrySendTo(gateway.Local, null, datagram);
            if (gateway.TryReceive(_buffer, out _) == ReceiveStatus.Received) passed.Add(SessionId.Read(_buffer.AsSpan(Prepare.SessionOffset)));
            // Too short to name one.
            stranger.TrySendTo(gateway.Local, null, datagram.AsSpan(0, datagram.Length - 1));
            Assert.NotEqual(ReceiveStatus.Received, gateway.TryReceive(_buffer, out _));
        }

        Assert.Equal(ids.Where(id => IsSet(sessions, sessions.Hash.Of(id))), passed);
        Assert.Equal(ids[..100], passed[..100]);
        // 1.8 of the others are expected.
        Assert.InRange(passed.Count, 100, 115);
    }

    [Fact]
    public void Of_what_finds_no_bit_the_share_passes()
    {
        using UdpSocket gateway = Open("127.0.0.1"), known = Open("127.0.0.1"), stranger = Open("127.0.0.1");
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(null, 0, Only(known, stranger), 2)));
        int passed = 0;
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 200; i++) stranger.TrySendTo(gateway.Local, null, Control);
            passed += Received(gateway).Length;
        }

        // 1,000 expected, with a standard deviation of 27.
        Assert.InRange(passed, 850, 1150);
    }

    [Fact]
    public void By_network_all_addresses_of_a_64_share_a_bit_and_IPv4_ports_do_not()
    {
        var hash = new ShieldHash(ShieldKey.Network);
        hash.Renew();
        Assert.Equal(hash.Of(At("2001:db8::1", 1)), hash.Of(At("2001:db8::ffff:2", 2)));
        Assert.NotEqual(hash.Of(At("2001:db8::1", 1)), hash.Of(At("2001:db8:0:1::1", 1)));
        Assert.NotEqual(hash.Of(At("192.0.2.1", 1)), hash.Of(At("192.0.2.1", 2)));
        using UdpSocket gateway = Open("::1"), stranger = Open("::1");
        var set = new ShieldBits(ShieldKey.Network);
        set.Clear(10, passes: true);
        set.Set([At("::", 0)], passes: false);
        Assert.True(SocketFilter.TryAttach(gateway.Descriptor, _filter.Write(null, 0, set, Never)));
        stranger.TrySendTo(gateway.Local, null, Control);
        stranger.TrySendTo(gateway.Local, null, Data);
        Assert.Single(Received(gateway));
    }

    [Fact]
    public void Ten_thousand_failing_neighbours_share_bits_with_a_quarter_of_all_others_each_time_with_another()
    {
        Endpoint[] failing = [.. Enumerable.Range(0, 10_000).Select(number => At("192.0.2.1", (ushort)(10_000 + number)))];
        Endpoint[] others = [.. Enumerable.Range(0, 1000).Select(number => At("192.0.2.1", (ushort)(40_000 + number)))];
        var set = new ShieldBits(ShieldKey.Network);
        var unlucky = new int[others.Length];
        for (int round = 0; round < 8; round++)
        {
            set.Clear(ShieldBits.MaxBits, passes: true);
            set.Set(failing, passes: false);
            Assert.DoesNotContain(failing, source => Passes(set, source));
            for (int i = 0; i < others.Length; i++) unlucky[i] += Passes(set, others[i]) ? 0 : 1;
        }

        Assert.InRange(unlucky.Sum() / 8.0 / others.Length, 0.2, 0.32);
        // Of 1,000 about 0.03 are so eight times over.
        Assert.InRange(unlucky.Count(times => times == 8), 0, 3);
    }

    /// <summary>What the program must find.</summary>
    private static bool Passes(ShieldBits set, Endpoint source) => IsSet(set, set.Hash.Of(source));

    private static bool IsSet(ShieldBits set, uint hash)
    {
        uint index = hash >> (32 - set.Bits);
        return (set.Words[(int)(index / 32)] >> (int)(index % 32) & 1) != 0;
    }

    private static ShieldBits Only(UdpSocket known, UdpSocket stranger)
    {
        var set = new ShieldBits(ShieldKey.Source);
        do
        {
            set.Clear(10, passes: false);
            set.Set([known.Local], passes: true);
        }
        while (Passes(set, stranger.Local));
        return set;
    }

    private int[] Types(UdpSocket gateway, params UdpSocket[] senders)
    {
        foreach (UdpSocket sender in senders)
        {
            sender.TrySendTo(gateway.Local, null, Data);
            sender.TrySendTo(gateway.Local, null, Control);
        }

        List<int> types = [];
        while (gateway.TryReceive(_buffer, out _) == ReceiveStatus.Received) types.Add(_buffer[0]);
        return [.. types];
    }

    /// <summary>Over loopback a datagram is in the queue when the call that sent it returns.</summary>
    private Endpoint[] Received(UdpSocket gateway)
    {
        List<Endpoint> sources = [];
        while (gateway.TryReceive(_buffer, out ReceivedDatagram datagram) == ReceiveStatus.Received) sources.Add(datagram.Remote);
        return [.. sources];
    }

    private static UdpSocket Open(string address) => UdpSocket.Open(new(At(address, 0)));

    private static Endpoint At(string address, ushort port) => Endpoint.From(IPAddress.Parse(address), port);
}
