using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>What a data plane is built on. It owns none of it.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>A non-blocking descriptor that gives and takes one inner packet at a time, each behind a virtio-net header of 10 bytes.</summary>
    public required int Tun { get; init; }

    /// <summary>The TUN device takes UDP superpackets (USO, Linux 6.2).</summary>
    public required bool UdpSegmentation { get; init; }

    /// <summary>Where the handles in <see cref="Domain.Protocol.TrafficKeys"/> point to.</summary>
    public required SecretArena Secrets { get; init; }

    /// <summary>Makes expanded keys.</summary>
    public required PacketCipherSelector Ciphers { get; init; }

    /// <summary>The cores' clock. Called once or twice for each batch, on the packet threads: it must not allocate.</summary>
    public required Func<Instant> Clock { get; init; }

    /// <summary>The clock of <see cref="IDataPlane.SetServeUntil"/> and of floods, which counts from boot. It must not allocate either.</summary>
    public Func<Instant> LeaseClock { get; init; } = BootClock.Now;

    /// <summary>Where reports go.</summary>
    public required IDataPlaneEvents Events { get; init; }

    /// <summary>By which a flood's datagrams are told from others; null where nobody else can send, as to a client's sockets.</summary>
    public IKnownSources? KnownSources { get; init; }
}
