using System.Net;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Domain.Tests.Admission;

/// <summary>REQ-FLOOD-2 and REQ-FLOOD-4: what the gateway core never sees. All keys are fixed, so which sources share a bucket is too.</summary>
public sealed class ControlFilterTests : IDisposable
{
    private const int Burst = 10;
    private static readonly Instant Start = Instant.FromMilliseconds(5_000);

    private readonly SecretArena _arena = new(4096);
    private readonly SodiumCryptography _crypto;
    private readonly AddressKeys _addressKeys;
    private readonly ClusterKeys _clusterKeys;
    private readonly SecretHandle _cookieSecret;
    private readonly ControlFilter _filter;
    private readonly byte[] _initiation = new byte[Initiation.Size];

    public ControlFilterTests()
    {
        _crypto = new(_arena);
        _addressKeys = AddressKeys.Derive(_crypto, PublicKey.Read(Fixed(1)));
        _clusterKeys = ClusterKeys.Derive(_crypto, [_crypto.Import(Fixed(2)), _crypto.Import(Fixed(3))]);
        _cookieSecret = _crypto.Import(Fixed(4));
        _filter = NewFilter(4);
        Initiation.Write(_initiation, 77, new byte[Initiation.NoiseSize]);
        _crypto.Mac(_addressKeys.Mac1, _initiation.AsSpan(0, Initiation.Mac1Offset), _initiation.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize));
    }

    public void Dispose() => _arena.Dispose();

    /// <summary>REQ-FLOOD-2: the filter has no table in which it could look anything up; what it refuses never gets to where one is.</summary>
    [Theory]
    [InlineData(MessageType.Prepare, Prepare.Size)]
    [InlineData(MessageType.End, End.Size)]
    [InlineData(MessageType.Probe, Probe.Size)]
    [InlineData(MessageType.Probe, 1400)]
    public void A_guessed_session_id_is_refused_before_anything_is_looked_up(MessageType type, int size)
    {
        byte[] datagram = new byte[size];
        datagram[0] = (byte)type;
        Span<byte> id = datagram.AsSpan(Prepare.SessionOffset, SessionId.Size);
        _clusterKeys.NewSessionId(_crypto, _crypto.Import(Fixed(9))).Write(id);
        Assert.Equal((AdmissionVerdict.Pass, ReasonCode.None), Check(datagram, At("198.51.100.7", 4000)));
        for (int bit = 0; bit < SessionId.Size * 8; bit++)
        {
            id[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal((AdmissionVerdict.Drop, ReasonCode.BadSessionId), Check(datagram, At("198.51.100.7", 4000)));
            id[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        var random = new Random(1);
        for (int i = 0; i < 10_000; i++)
        {
            random.NextBytes(id);
            Assert.Equal((AdmissionVerdict.Drop, ReasonCode.BadSessionId), Check(datagram, At("198.51.100.7", 4000)));
        }
        Assert.False(_filter.IsUnderLoad(Start));
    }

    [Fact]
    public void An_id_of_an_older_cluster_key_is_recognised()
    {
        byte[] datagram = new byte[Prepare.Size];
        datagram[0] = (byte)MessageType.Prepare;
        ClusterKeys before = ClusterKeys.Derive(_crypto, [_crypto.Import(Fixed(3))]);
        before.NewSessionId(_crypto, _crypto.Import(Fixed(9))).Write(datagram.AsSpan(Prepare.SessionOffset, SessionId.Size));
        Assert.Equal(AdmissionVerdict.Pass, Check(datagram, At("198.51.100.7", 4000)).Verdict);
    }

    /// <summary>REQ-FLOOD-4.</summary>
    [Fact]
    public void Under_load_each_IPv4_address_and_port_has_its_own_tokens()
    {
        MakeLoad();
        Assert.Equal(Burst, Passing(At("198.51.100.7", 4000)));
        Assert.Equal(0, Passing(At("198.51.100.7", 4000)));
        Assert.Equal(Burst, Passing(At("198.51.100.7", 4001)));
        Assert.Equal(Burst, Passing(At("198.51.100.8", 4000)));
        // Five a second come back.
        Assert.Equal(4, Passing(At("198.51.100.7", 4000), Start + TimeSpan.FromMilliseconds(900)));
    }

    /// <summary>REQ-FLOOD-4: whoever has a /64 has all of its addresses.</summary>
    [Fact]
    public void Under_load_all_of_an_IPv6_network_of_64_bits_shares_its_tokens()
    {
        MakeLoad();
        Assert.Equal(Burst, Passing(At("2001:db8:1:2::1", 4000)));
        Assert.Equal(0, Passing(At("2001:db8:1:2:ffff:ffff:ffff:ffff", 60_000)));
        Assert.Equal(Burst, Passing(At("2001:db8:1:3::1", 4000)));
    }

    /// <summary>REQ-FLOOD-4: a forged source spends nothing.</summary>
    [Fact]
    public void Nothing_is_charged_to_an_address_that_no_cookie_proves()
    {
        MakeLoad();
        Endpoint victim = At("198.51.100.7", 4000);
        byte[] forged = WithCookie(At("198.18.66.6", 6666));
        for (int i = 0; i < 400; i++)
        {
            Assert.Equal((AdmissionVerdict.SendCookie, ReasonCode.CookieRequired), Check(_initiation, victim));
            Assert.Equal((AdmissionVerdict.SendCookie, ReasonCode.CookieRequired), Check(forged, victim));
        }
        Assert.Equal(Burst, Passing(victim));
    }

    /// <summary>REQ-FLOOD-3: a flood from everywhere gets no more cookies than the node can send beside its traffic.</summary>
    [Fact]
    public void Cookies_are_bounded_for_the_whole_node()
    {
        MakeLoad();
        int sent = Enumerable.Range(1024, 20_000).Count(port => Check(_initiation, At("198.18.0.1", (ushort)port)).Verdict == AdmissionVerdict.SendCookie);
        Assert.InRange(sent, 1, ControlFilter.Answers.Burst);
        Assert.Equal((AdmissionVerdict.Drop, ReasonCode.RateLimited), Check(_initiation, At("198.18.0.2", 4000)));
    }

    /// <summary>REQ-FLOOD-4: 10,000 honest sources, and twenty greedy ones, have one address.</summary>
    [Fact]
    public void Ten_thousand_clients_behind_one_NAT_get_their_handshakes_through()
    {
        MakeLoad();
        for (ushort port = 60_000; port < 60_020; port++) Assert.InRange(Passing(At("203.0.113.9", port), attempts: 1000), 0, Burst);
        List<ushort> waiting = [.. Enumerable.Range(10_000, 10_000).Select(port => (ushort)port)];
        waiting = [.. waiting.Where(port => Check(WithCookie(At("203.0.113.9", port)), At("203.0.113.9", port)).Verdict != AdmissionVerdict.Pass)];
        // Those who share a bucket with a greedy neighbour: 20 of 4,096 buckets.
        Assert.InRange(waiting.Count, 0, 100);
        for (int second = 1; second <= 3; second++)
        {
            Instant later = Start + TimeSpan.FromSeconds(second);
            MakeLoad(later);
            waiting = [.. waiting.Where(port => Check(WithCookie(At("203.0.113.9", port)), At("203.0.113.9", port), later).Verdict != AdmissionVerdict.Pass)];
        }
        Assert.Empty(waiting);
    }

    /// <summary>REQ-FLOOD-4: which sources share a bucket depends on a secret, not on what anybody can compute.</summary>
    [Fact]
    public void Nobody_can_look_for_a_source_that_shares_anothers_tokens()
    {
        MakeLoad();
        Endpoint victim = At("198.51.100.7", 4000);
        Passing(victim);
        Endpoint neighbour = Enumerable.Range(1024, 60_000).Select(port => At("198.18.66.6", (ushort)port)).First(source => Passing(source, attempts: 1) == 0);
        ControlFilter other = NewFilter(5);
        SecretHandle secret = _crypto.Import(Fixed(5));
        for (int i = 0; i <= ControlFilter.LoadThreshold; i++) Check(_initiation, victim, filter: other);
        for (int i = 0; i < 100; i++) Check(WithCookie(victim, secret), victim, filter: other);
        Assert.Equal(AdmissionVerdict.Pass, Check(WithCookie(neighbour, secret), neighbour, filter: other).Verdict);
    }

    private static Endpoint At(string address, ushort port) => Endpoint.From(IPAddress.Parse(address), port);

    private static byte[] Fixed(byte value) => [.. Enumerable.Repeat(value, ICryptography.SecretSize)];

    private ControlFilter NewFilter(byte cookieSecret)
    {
        var filter = new ControlFilter(_crypto, _addressKeys, _clusterKeys);
        filter.Rotate(_crypto.Import(Fixed(cookieSecret)));
        return filter;
    }

    private void MakeLoad(Instant? now = null)
    {
        for (int i = 0; i <= ControlFilter.LoadThreshold; i++) Check(_initiation, At("192.0.2.99", 9), now);
        Assert.True(_filter.IsUnderLoad(now ?? Start));
    }

    /// <summary>As a gateway checks what nothing has proven.</summary>
    private (AdmissionVerdict Verdict, ReasonCode Reason) Check(ReadOnlySpan<byte> datagram, Endpoint source, Instant? now = null, ControlFilter? filter = null)
    {
        filter ??= _filter;
        ReasonCode reason = ControlFilter.CheckShape(datagram);
        if (reason == ReasonCode.None) reason = filter.CheckMark(datagram);
        return reason != ReasonCode.None ? (AdmissionVerdict.Drop, reason) : (filter.Admit(datagram, source, now ?? Start, out reason), reason);
    }

    /// <summary>How many of so many handshakes with a good cookie are let through.</summary>
    private int Passing(Endpoint source, Instant? now = null, int attempts = 100)
    {
        byte[] datagram = WithCookie(source);
        int passed = 0;
        for (int i = 0; i < attempts; i++)
        {
            (AdmissionVerdict verdict, ReasonCode reason) = Check(datagram, source, now);
            if (verdict == AdmissionVerdict.Pass) passed++;
            else Assert.Equal((AdmissionVerdict.Drop, ReasonCode.RateLimited), (verdict, reason));
        }
        return passed;
    }

    private byte[] WithCookie(Endpoint source, SecretHandle? secret = null)
    {
        Span<byte> cookie = stackalloc byte[ProtocolConstants.MacSize];
        AddressMacs.Cookie(_crypto, secret ?? _cookieSecret, source, cookie);
        byte[] datagram = [.. _initiation];
        ControlFilter.CookieMac(_crypto, cookie, datagram.AsSpan(0, Initiation.Mac2Offset), datagram.AsSpan(Initiation.Mac2Offset, ProtocolConstants.MacSize));
        return datagram;
    }
}
