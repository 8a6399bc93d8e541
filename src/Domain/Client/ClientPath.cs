using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Client;

/// <summary>One way to try: an uplink and a gateway endpoint, with a socket of its own.</summary>
public sealed record ClientPath
{
    public required PathId Id { get; init; }

    /// <summary>The uplink's name.</summary>
    public required string Uplink { get; init; }

    public required int InterfaceIndex { get; init; }

    public required Endpoint Remote { get; init; }

    /// <summary>0 is what the configuration wants most.</summary>
    public required int Rank { get; init; }

    /// <summary>The number of its socket; 0 while there is none.</summary>
    public int Socket { get; init; }

    /// <summary>The socket's address; null while it is being opened.</summary>
    public Endpoint? Local { get; init; }

    /// <summary>
    /// When it is tried again after the host refused to open its socket or to send there; <see cref="Instant.Never"/> if there is no need.
    /// </summary>
    public Instant RetryAt { get; init; } = Instant.Never;

    /// <summary>Its socket is new because the uplink's address changed.</summary>
    public bool IsRebound { get; init; }

    /// <summary>The cookie that the gateway gave to this path's address.</summary>
    public PathCookie? Cookie { get; init; }

    /// <summary>Probes under way and what they have shown.</summary>
    public PathProbes Probes { get; init; } = PathProbes.None;

    /// <summary>What the path can carry.</summary>
    public PathMtu Mtu { get; init; } = PathMtu.Unknown;

    /// <summary>True while its uplink is there.</summary>
    public bool IsUp => Socket != 0 || RetryAt != Instant.Never;

    /// <summary>True once datagrams can be sent.</summary>
    public bool IsOpen => Local is not null;

    public TransportAddress Transport => new(Socket, Local ?? default, Remote);

    /// <summary>Uplink and endpoint, for people.</summary>
    public string Name => Uplink + " to " + Remote;
}

/// <summary>A cookie: 16 bytes that prove to the gateway that we receive at the address we send from.</summary>
/// <param name="Value">Big-endian.</param>
public readonly record struct PathCookie(UInt128 Value, Instant ReceivedAt)
{
    public bool IsFresh(Instant now) => now - ReceivedAt < ClientLimits.CookieLifetime;
}
