using System.Runtime.InteropServices;
using JumpingVpn.Infrastructure.Linux.Netlink;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>Any bytes give messages or an end, never an exception and never an endless walk.</summary>
public sealed class NetlinkFuzzTests
{
    private const int Rounds = 20_000;

    private static readonly ushort[] Types =
    [
        NetlinkNumbers.RTM_NEWLINK, NetlinkNumbers.RTM_DELLINK, NetlinkNumbers.RTM_NEWADDR, NetlinkNumbers.RTM_DELADDR,
        NetlinkNumbers.RTM_NEWROUTE, NetlinkNumbers.RTM_DELROUTE,
    ];

    [Fact]
    public void Random_bytes_never_throw()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        byte[] bytes = new byte[256];
        for (int i = 0; i < Rounds; i++)
        {
            random.NextBytes(bytes);
            Walk(bytes.AsSpan(0, random.Next(bytes.Length + 1)), $"seed {seed}, round {i}");
        }
    }

    [Fact]
    public void Random_bodies_under_true_headers_never_throw()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        byte[] bytes = new byte[200];
        for (int i = 0; i < Rounds; i++)
        {
            random.NextBytes(bytes);
            int length = random.Next(NetlinkMessages.HeaderSize, bytes.Length + 1);
            MemoryMarshal.Write(bytes, (uint)length);
            MemoryMarshal.Write(bytes.AsSpan(4), Types[random.Next(Types.Length)]);
            // Small families, lengths and types, so that the walk gets deep.
            for (int at = NetlinkMessages.HeaderSize; at < length; at++)
            {
                if (random.Next(2) == 0) bytes[at] = (byte)random.Next(16);
            }
            Walk(bytes.AsSpan(0, length), $"seed {seed}, round {i}");
        }
    }

    [Fact]
    public void Every_cut_and_every_changed_byte_of_true_messages_is_survived()
    {
        foreach (byte[] message in TrueMessages())
        {
            for (int cut = 0; cut <= message.Length; cut++)
            {
                Walk(message.AsSpan(0, cut), $"cut at {cut}");
                byte[] shorter = message[..cut];
                if (cut >= 4) MemoryMarshal.Write(shorter, (uint)cut);
                Walk(shorter, $"cut at {cut} with its length mended");
            }
            for (int at = 0; at < message.Length; at++)
            {
                for (int value = 0; value < 256; value++)
                {
                    byte[] changed = (byte[])message.Clone();
                    changed[at] = (byte)value;
                    Walk(changed, $"byte {at} is {value}");
                }
            }
        }
    }

    [Fact]
    public void A_message_too_short_for_its_header_is_malformed()
    {
        foreach (ushort type in Types)
        {
            RouteMessage read = RouteMessageReader.Read(new(type, 0, 0, [0, 0]));
            Assert.IsType<RouteMessage.Malformed>(read);
        }
    }

    [Fact]
    public void A_walk_says_where_bytes_stop_being_messages()
    {
        var messages = new NetlinkMessages([5, 0, 0, 0, 1, 1]);
        Assert.False(messages.TryNext(out _));
        Assert.True(messages.Malformed);
        var attributes = new NetlinkAttributes([9, 0, 1, 0, 1]);
        Assert.False(attributes.TryNext(out _, out _));
        Assert.True(attributes.Malformed);
    }

    [Fact]
    public void A_link_message_is_read_field_by_field()
    {
        byte[] bytes = LinkMessage();
        var messages = new NetlinkMessages(bytes);
        Assert.True(messages.TryNext(out NetlinkMessage message));
        Assert.Equal(
            new RouteMessage.LinkChanged(new(7, "wan1", NetlinkNumbers.IFF_UP, 1500, "veth")), RouteMessageReader.Read(message));
        Assert.False(messages.TryNext(out _));
        Assert.False(messages.Malformed);
    }

    private static void Walk(ReadOnlySpan<byte> bytes, string what)
    {
        try
        {
            var messages = new NetlinkMessages(bytes);
            int count = 0;
            while (messages.TryNext(out NetlinkMessage message))
            {
                Assert.NotNull(RouteMessageReader.Read(message));
                Assert.True(++count <= bytes.Length / NetlinkMessages.HeaderSize, what);
            }
        }
        catch (Exception e)
        {
            throw new Xunit.Sdk.XunitException($"{what}: {Convert.ToHexString(bytes)}: {e}");
        }
    }

    private static IEnumerable<byte[]> TrueMessages() => [LinkMessage(), AddressMessage(), RouteMessageBytes(), .. FromKernel()];

    private static byte[] LinkMessage()
    {
        var writer = new NetlinkWriter(new byte[256], NetlinkNumbers.RTM_NEWLINK, 0);
        Span<byte> header = writer.Header(16);
        MemoryMarshal.Write(header[4..], 7);
        MemoryMarshal.Write(header[8..], NetlinkNumbers.IFF_UP);
        writer.Add(NetlinkNumbers.IFLA_IFNAME, "wan1");
        writer.Add(NetlinkNumbers.IFLA_MTU, 1500u);
        int info = writer.Begin(NetlinkNumbers.IFLA_LINKINFO);
        writer.Add(NetlinkNumbers.IFLA_INFO_KIND, "veth");
        writer.End(info);
        return writer.Finish().ToArray();
    }

    private static byte[] AddressMessage()
    {
        var writer = new NetlinkWriter(new byte[256], NetlinkNumbers.RTM_NEWADDR, 0);
        Span<byte> header = writer.Header(8);
        header[0] = 10;
        header[1] = 64;
        MemoryMarshal.Write(header[4..], 7);
        writer.Add(NetlinkNumbers.IFA_ADDRESS, Address("fd00::1"), false);
        writer.Add(NetlinkNumbers.IFA_FLAGS, 0x80u);
        return writer.Finish().ToArray();
    }

    private static byte[] RouteMessageBytes()
    {
        var writer = new NetlinkWriter(new byte[256], NetlinkNumbers.RTM_NEWROUTE, 0);
        Span<byte> header = writer.Header(12);
        header[0] = 2;
        header[4] = 254;
        header[7] = NetlinkNumbers.RTN_UNICAST;
        int hops = writer.Begin(NetlinkNumbers.RTA_MULTIPATH);
        for (int i = 1; i <= 2; i++)
        {
            Span<byte> hop = writer.Header(8);
            MemoryMarshal.Write(hop, (ushort)16);
            MemoryMarshal.Write(hop[4..], i);
            writer.Add(NetlinkNumbers.RTA_GATEWAY, Address($"10.0.0.{i}"), true);
        }
        writer.End(hops);
        writer.Add(NetlinkNumbers.RTA_PRIORITY, 100u);
        return writer.Finish().ToArray();
    }

    /// <summary>What this host's kernel says of its own loopback; reading needs no right.</summary>
    private static List<byte[]> FromKernel()
    {
        var list = new List<byte[]>();
        using var socket = new NetlinkSocket();
        var writer = new NetlinkWriter(new byte[64], NetlinkNumbers.RTM_GETADDR, 0);
        _ = writer.Header(8);
        socket.Dump("list addresses", writer, list.Clear, (in message) =>
        {
            byte[] bytes = new byte[NetlinkMessages.HeaderSize + message.Body.Length];
            MemoryMarshal.Write(bytes, (uint)bytes.Length);
            MemoryMarshal.Write(bytes.AsSpan(4), message.Type);
            message.Body.CopyTo(bytes.AsSpan(NetlinkMessages.HeaderSize));
            if (list.Count < 2) list.Add(bytes);
        });
        return list;
    }
}
