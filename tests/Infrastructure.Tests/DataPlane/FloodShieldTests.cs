using System.Net;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>When the kernel keeps a flood off, and from whom (REQ-FLOOD-8). Real socket, made-up time.</summary>
public sealed class FloodShieldTests : IDisposable
{
    private static readonly byte[] Data = [4, 0, 0, 0];
    private static readonly byte[] Control = [1, 0, 0, 0];

    /// <summary>Windows after which the greatest flood counts for little.</summary>
    private const int Faded = 100;

    private readonly byte[] _buffer = new byte[2048];
    private readonly UdpSocket _gateway = Open(), _client = Open(), _stranger = Open(), _failing = Open();
    private readonly Sources _sources = new();
    private readonly DropCounters _drops = new();
    private readonly FloodShield _shield;
    private Instant _now = Instant.FromMilliseconds(1000);

    public FloodShieldTests()
    {
        _shield = new(5, _gateway.Descriptor, _sources, _drops);
        _sources.Proven.Add(_client.Local);
        _sources.Failing.Add(_failing.Local);
    }

    public void Dispose()
    {
        foreach (UdpSocket socket in (UdpSocket[])[_gateway, _client, _stranger, _failing]) socket.Dispose();
    }

    [Fact]
    public void Below_the_threshold_nothing_happens()
    {
        For(100, Outcome.Refused, FloodShield.RaiseAt * 9 / 10);
        For(100, Outcome.VainData, FloodShield.RaiseAt * 9 / 10);
        For(100, Outcome.Taken, 1_000_000);
        Assert.False(_shield.IsUp);
        Assert.Empty(_sources.Told);
    }

    [Fact]
    public void A_flood_of_data_keeps_strangers_data_out_and_nothing_else()
    {
        For(5, Outcome.VainData, 1_000_000);
        Assert.Equal((5, true), Assert.Single(_sources.Told));

        Assert.Equal(200, Passing(_client, Data));
        KeptOut(_stranger, Data, (Outcome.VainData, 1_000_000 / 64));
        Assert.Equal(200, Passing(_stranger, Control));
    }

    [Fact]
    public void A_flood_of_failing_sources_keeps_those_out_and_lets_newcomers_in()
    {
        For(5, Outcome.RefusedAgain, 1_000_000);

        Assert.True(_shield.IsUp);
        Assert.Equal(200, Passing(_client, Control));
        Assert.Equal(200, Passing(_stranger, Control));
        KeptOut(_failing, Control, (Outcome.RefusedAgain, 1_000_000 / 64));
        Assert.Equal(200, Passing(_failing, Data));
    }

    [Fact]
    public void A_failing_source_that_proves_itself_passes()
    {
        For(5, Outcome.RefusedAgain, 1_000_000);
        _sources.Failing.Clear();
        _sources.Proven.Add(_failing.Local);
        _sources.Version++;
        For(5, Outcome.RefusedAgain, 1_000_000 / 64);
        Assert.Equal(200, Passing(_failing, Control));
    }

    [Fact]
    public void A_flood_of_ever_new_sources_lets_the_proven_ones_in_and_a_share_of_all_others()
    {
        For(5, Outcome.Refused, 1_000_000);

        Assert.Equal(200, Passing(_client, Control));
        KeptOut(_stranger, Control, (Outcome.Refused, 1_000_000 / 64));
        // Those have shown themselves meanwhile: the others need not suffer for them.
        For(Faded, Outcome.RefusedAgain, 1_000_000 / 64);
        Assert.Equal(200, Passing(_stranger, Control));
        KeptOut(_failing, Control, (Outcome.RefusedAgain, 1_000_000 / 64));
    }

    [Fact]
    public void Under_a_flood_of_ever_new_sources_a_stranger_that_names_a_session_is_let_in()
    {
        _sources.Sessions.Add(new(7));
        For(4, Outcome.Refused, 1_000_000);
        For(20, Outcome.Refused, 1_000_000 / 64);

        Assert.Equal(200, Passing(_stranger, Naming(7)));
        KeptOut(_stranger, Naming(8), (Outcome.Refused, 1_000_000 / 64));
        // A first message from a proven source is too short to name one, and passes for its source.
        Assert.Equal(200, Passing(_client, Control));
    }

    [Fact]
    public void If_the_flood_names_too_many_sessions_they_let_nobody_in_until_it_is_over()
    {
        _sources.Sessions.Add(new(7));
        For(4, Outcome.Refused, 1_000_000);
        // A burst, such as of many clients that come back, is none.
        For(FloodShield.NamingWindows - 2, Outcome.RefusedNaming, 60_000);
        For(2 * FloodShield.NamingWindows, Outcome.Refused, 1_000_000 / 64);
        For(FloodShield.NamingWindows - 2, Outcome.RefusedNaming, 60_000);
        Assert.Equal(200, Passing(_stranger, Naming(7)));
        For(10, Outcome.RefusedNaming, 60_000);
        KeptOut(_stranger, Naming(7), (Outcome.Refused, 1_000_000 / 64));

        For((int)(FloodShield.LowerAfter / FloodShield.Window) + Faded, Outcome.Refused, 100);
        Assert.False(_shield.IsUp);
        For(4, Outcome.Refused, 1_000_000);
        Assert.Equal(200, Passing(_stranger, Naming(7)));
    }

    [Fact]
    public void What_names_sessions_is_counted_as_it_comes_since_all_of_it_passes()
    {
        _sources.Sessions.Add(new(7));
        For(4, Outcome.Refused, 1_000_000);
        For((int)(FloodShield.LowerAfter / FloodShield.Window) + Faded, Outcome.RefusedNaming, FloodShield.LowerAt / 2);
        Assert.False(_shield.IsUp);
    }

    [Fact]
    public void What_is_too_long_to_be_read_does_not_pass_for_a_sessions_sake()
    {
        _sources.Sessions.Add(new(7));
        For(4, Outcome.Refused, 1_000_000);
        For(20, Outcome.Refused, 1_000_000 / 64);
        Assert.Equal(200, Passing(_stranger, [.. Naming(7), .. new byte[PacketHeader.MaxControlDatagram - 100]]));
        KeptOut(_stranger, [.. Naming(7), .. new byte[PacketHeader.MaxControlDatagram - 99]], (Outcome.Refused, 1_000_000 / 64));
    }

    [Theory]
    [InlineData(1025, 1)]
    [InlineData(1, 1025)]
    public void With_more_sessions_or_proven_sources_than_can_be_told_from_others_no_session_lets_anybody_in(int sessions, int proven)
    {
        for (int i = 0; i < sessions; i++) _sources.Sessions.Add(new((UInt128)i << 64 | 7));
        for (int i = 1; i < proven; i++) _sources.Proven.Add(Endpoint.From(IPAddress.Parse("192.0.2.1"), (ushort)i));
        For(4, Outcome.Refused, 1_000_000);
        For(20, Outcome.Refused, 1_000_000 / 64);
        KeptOut(_stranger, Naming(7), (Outcome.Refused, 1_000_000 / 64));
    }

    [Fact]
    public void Sessions_that_begin_while_the_shield_is_up_let_their_clients_in_soon()
    {
        For(4, Outcome.Refused, 1_000_000);
        For(20, Outcome.Refused, 1_000_000 / 64);
        KeptOut(_stranger, Naming(7), (Outcome.Refused, 1_000_000 / 64));
        _sources.Sessions.Add(new(7));
        For((int)(FloodShield.Freshness / FloodShield.Window) + 1, Outcome.Refused, 1_000_000 / 64);
        Assert.Equal(200, Passing(_stranger, Naming(7)));
    }

    [Fact]
    public void News_without_end_do_not_keep_the_shield_from_what_the_flood_needs()
    {
        For(5, Outcome.VainData, 1_000_000);
        Assert.Equal(200, Passing(_failing, Control));
        for (int i = 0; i < 20; i++)
        {
            _sources.Version++;
            For(1, Outcome.RefusedAgain, 1_000_000);
            _sources.Version++;
            _now += FloodShield.NewsSpacing / 2;
            _shield.Review(_now);
        }

        KeptOut(_failing, Control, (Outcome.RefusedAgain, 1_000_000 / 64));
    }

    [Fact]
    public void A_source_that_has_just_been_proven_need_not_wait_for_the_next_program()
    {
        For(10, Outcome.Refused, 1_000_000);
        _now += FloodShield.NewsSpacing;
        _sources.Proven.Add(_stranger.Local);
        _sources.Version++;
        _shield.Review(_now);
        Assert.Equal(200, Passing(_stranger, Control));
    }

    [Fact]
    public void A_source_that_is_proven_while_the_shield_is_up_is_let_in()
    {
        For(5, Outcome.VainData, 1_000_000);
        _sources.Proven.Add(_stranger.Local);
        _sources.Version++;
        For(5, Outcome.VainData, 1_000_000 / 64);
        Assert.Equal(200, Passing(_stranger, Data));
    }

    [Fact]
    public void It_stays_up_while_the_share_that_passes_shows_that_the_flood_goes_on()
    {
        For(5, Outcome.RefusedAgain, 1_000_000);
        For(200, Outcome.RefusedAgain, 1_000_000 / 64);
        Assert.True(_shield.IsUp);
        Assert.Single(_sources.Told);
    }

    [Fact]
    public void When_the_flood_is_over_it_goes_down_and_everything_passes()
    {
        For(5, Outcome.Refused, 1_000_000);
        int before = (int)(FloodShield.LowerAfter / FloodShield.Window) - 2;
        For(before, Outcome.Refused, 100);
        Assert.True(_shield.IsUp);
        For(Faded, Outcome.Refused, 100);

        Assert.False(_shield.IsUp);
        Assert.Equal([(5, true), (5, false)], _sources.Told);
        Assert.Equal(200, Passing(_stranger, Data));
        Assert.Equal(200, Passing(_failing, Control));
    }

    [Fact]
    public void When_one_of_two_floods_is_over_only_the_other_is_kept_out()
    {
        for (int i = 0; i < 5; i++) Window((Outcome.VainData, 1_000_000), (Outcome.RefusedAgain, 1_000_000));
        KeptOut(_failing, Data, (Outcome.VainData, 1_000_000 / 64), (Outcome.RefusedAgain, 1_000_000 / 64));
        KeptOut(_failing, Control, (Outcome.VainData, 1_000_000 / 64), (Outcome.RefusedAgain, 1_000_000 / 64));

        For(100, Outcome.VainData, 1_000_000 / 64);
        KeptOut(_failing, Data, (Outcome.VainData, 1_000_000 / 64));
        Assert.Equal(200, Passing(_failing, Control));
    }

    [Fact]
    public void After_a_flood_of_data_refusals_that_would_not_have_raised_it_hold_it_up_until_they_are_over()
    {
        For(5, Outcome.VainData, 1_000_000);
        For(100, Outcome.Refused, (FloodShield.LowerAt + FloodShield.RaiseAt) / 2);
        Assert.True(_shield.IsUp);
        Assert.Equal(200, Passing(_stranger, Data));
        Assert.Equal(200, Passing(_stranger, Control));
        For((int)(FloodShield.LowerAfter / FloodShield.Window) + 10, Outcome.Refused, 100);
        Assert.False(_shield.IsUp);
        Assert.Equal([(5, true), (5, false)], _sources.Told);
        // The program cannot judge a datagram without a first byte, and drops it.
        Assert.Equal(200, Passing(_stranger, []));
    }

    [Fact]
    public void What_the_kernel_dropped_is_counted()
    {
        For(5, Outcome.RefusedAgain, 1_000_000);
        int dropped = 200 - Passing(_failing, Control);
        For(1, Outcome.RefusedAgain, 1_000_000 / 64);
        Assert.Equal(dropped, _drops.Read(DropReason.Shed));
        For(1, Outcome.RefusedAgain, 1_000_000 / 64);
        Assert.Equal(dropped, _drops.Read(DropReason.Shed));
    }

    private static byte[] Naming(ulong session)
    {
        byte[] datagram = new byte[100];
        datagram[0] = (byte)MessageType.Prepare;
        new SessionId(session).Write(datagram.AsSpan(Prepare.SessionOffset));
        return datagram;
    }

    private void For(int windows, Outcome outcome, int perSecond)
    {
        for (int i = 0; i < windows; i++) Window((outcome, perSecond));
    }

    private void Window(params (Outcome Outcome, int PerSecond)[] floods)
    {
        foreach ((Outcome outcome, int perSecond) in floods)
            for (int i = 0; i < perSecond * FloodShield.Window.TotalSeconds; i++) _shield.Count(outcome);
        _now += FloodShield.Window;
        _shield.Review(_now);
    }

    /// <summary>One source in 64 shares its bit with the client's; with the next program it has another.</summary>
    private void KeptOut(UdpSocket sender, byte[] datagram, params (Outcome Outcome, int PerSecond)[] floods)
    {
        for (int program = 0; program < 4; program++)
        {
            if (Passing(sender, datagram) <= 30) return;
            _sources.Version++;
            for (int i = 0; i < 5; i++) Window(floods);
        }

        Assert.Fail("it passes, whatever the program");
    }

    /// <summary>How many of 200 datagrams the kernel queues.</summary>
    private int Passing(UdpSocket sender, byte[] datagram)
    {
        for (int i = 0; i < 200; i++) sender.TrySendTo(_gateway.Local, null, datagram);
        int count = 0;
        while (_gateway.TryReceive(_buffer, out _) == ReceiveStatus.Received) count++;
        return count;
    }

    private static UdpSocket Open() => UdpSocket.Open(new(Endpoint.From(IPAddress.Loopback, 0)));

    private sealed class Sources : IKnownSources
    {
        public List<Endpoint> Proven { get; } = [];

        public List<Endpoint> Failing { get; } = [];

        public List<(int, bool)> Told { get; } = [];

        public int Capacity => 2000;

        public int Version { get; set; }

        public List<SessionId> Sessions { get; } = [];

        public int ReadSessions(Span<SessionId> sessions, Instant now)
        {
            if (Sessions.Count > sessions.Length) return 0;
            Sessions.CopyTo(sessions);
            return Sessions.Count;
        }

        public int Read(SourceRecord record, Span<Endpoint> sources, Instant now)
        {
            List<Endpoint> all = record == SourceRecord.Proven ? Proven : Failing;
            all.CopyTo(sources);
            return all.Count;
        }

        public void Shielded(int socket, bool isUp, double perSecond) => Told.Add((socket, isUp));
    }
}
