using System.Diagnostics;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using Plane = JumpingVpn.Infrastructure.DataPlane.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>A data plane over a fake TUN device and loopback sockets, with one session open: 10.9.0.2/32 and fd09::2/128.</summary>
internal sealed class PlaneHarness : IDisposable
{
    public const int Socket = 7;
    public const string Inside = "10.9.0.2";
    public const string Inside6 = "fd09::2";
    public const string Host = "10.9.0.1";
    public const string Host6 = "fd09::1";

    private readonly UdpSocket _socket;
    private long _now = TimeSpan.TicksPerSecond;
    private long _leaseNow = 900 * TimeSpan.TicksPerSecond;

    public PlaneHarness(bool packetInfo = false, int innerMtu = 1420)
    {
        _socket = UdpSocket.Open(new(Endpoint.FromIPv4(packetInfo ? 0u : 0x7F00_0001u, 0)) { PacketInfo = packetInfo });
        Plane = new(new()
        {
            Tun = Tun.Descriptor,
            UdpSegmentation = true,
            Secrets = Secrets,
            Ciphers = PacketCipherSelector.Select().IfLeft(error => throw new InvalidOperationException(error)),
            Clock = () => new(Volatile.Read(ref _now)),
            LeaseClock = () => new(Volatile.Read(ref _leaseNow)),
            Events = Events,
        });
        Plane.AddSocket(Socket, _socket.Descriptor, isIPv6: false);
        Plane.OpenSession(Session, Prefixes($"{Inside}/32", $"{Inside6}/128"), innerMtu);
        Peer = NewPeer();
    }

    public static SessionId Session { get; } = new(42);

    public SecretArena Secrets { get; } = new();

    public FakeTun Tun { get; } = new();

    public RecordingEvents Events { get; } = new();

    public Plane Plane { get; }

    public Peer Peer { get; }

    public Instant Now
    {
        get => new(Volatile.Read(ref _now));
        set => Volatile.Write(ref _now, value.Ticks);
    }

    /// <summary>The clock of the deadline; the other one may stand still.</summary>
    public Instant LeaseNow
    {
        get => new(Volatile.Read(ref _leaseNow));
        set => Volatile.Write(ref _leaseNow, value.Ticks);
    }

    public static IReadOnlyList<IpPrefix> Prefixes(params string[] texts) =>
        [.. texts.Select(text => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new ArgumentException(text))];

    public Peer NewPeer() => new() { Plane = new(Endpoint.FromIPv4(0x7F00_0001, 0).Address, _socket.Local.Port) };

    public static TransportAddress From(Peer peer) => new(Socket, default, peer.Address);

    /// <summary>Keys of a new epoch, not installed.</summary>
    public EpochKeys Keys(uint index) => new(Secrets, index, index ^ 0xFFFF_0000);

    /// <summary>A new epoch, installed and bound to the peer.</summary>
    public EpochKeys Bound(uint index = 0x1111)
    {
        EpochKeys keys = Keys(index);
        Plane.InstallEpoch(Session, keys.Traffic, From(Peer), held: false);
        Plane.Bind(Session, keys.LocalIndex, From(Peer), Instant.Never);
        return keys;
    }

    /// <summary>An inner packet from the session's client that carries a number.</summary>
    public static byte[] Inward(int number, string source = Inside) => Packets.Udp(source, source.Contains(':', StringComparison.Ordinal) ? Host6 : Host, BitConverter.GetBytes(number));

    /// <summary>An inner packet to the session's client that carries a number.</summary>
    public static byte[] Outward(int number) => Packets.Udp(Host, Inside, BitConverter.GetBytes(number));

    /// <summary>Everything that was sent before has been handled when this returns.</summary>
    public void Settle()
    {
        byte[] mark = [9, 0, 0, 0];
        BitConverter.TryWriteBytes(mark.AsSpan(1, 2), (ushort)Random.Shared.Next());
        int before = Events.Datagrams.Count;
        Peer.Send(mark);
        WaitFor(() => Events.Datagrams.Skip(before).Any(d => d.Datagram.AsSpan().SequenceEqual(mark)));
    }

    public static void WaitFor(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10), "what was waited for did not come");
            Thread.Sleep(1);
        }
    }

    /// <summary>
    /// Has packets arrive in one batch: they are sent while the receiving thread is kept busy by a report that waits.
    /// </summary>
    public void Hold(EpochKeys keys, IEnumerable<(byte[] Packet, byte Flags)> packets, ulong counterStep = 1)
    {
        using var gate = new ManualResetEventSlim();
        Events.Gate = gate;
        Peer.Send([9]);
        WaitFor(() => Events.AtGate);
        ulong counter = 0;
        foreach ((byte[] packet, byte flags) in packets)
        {
            Peer.Send(keys, counter, packet, flags);
            counter += counterStep;
        }
        Events.Gate = null;
        gate.Set();
        WaitFor(() => !Events.AtGate);
    }

    public bool NothingDelivered()
    {
        Settle();
        return !Tun.TryReceive(TimeSpan.Zero, out _, out _);
    }

    public long Drops(DropReason reason) => Plane.Drops(reason);

    public void Dispose()
    {
        Plane.Dispose();
        Peer.Dispose();
        _socket.Dispose();
        Tun.Dispose();
        Secrets.Dispose();
    }
}
