using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// The search for the largest packet that a path carries, by padded probes that may not be fragmented (RFC 8899: probing
/// without ICMP). The sizes are those of outer IP packets; the largest is tried first, because most paths carry it.
/// </summary>
/// <param name="Found">Largest size that came through, in bytes; 0 while none has.</param>
/// <param name="Rung">Index in <see cref="Ladder"/> of the size that is tried now; its length when the search has ended.</param>
/// <param name="Losses">Probes of this size that were lost.</param>
/// <param name="NextAt">When the next probe is due.</param>
/// <param name="Waiting">The probe under way.</param>
public sealed record PathMtu(int Found, int Rung, int Losses, Instant NextAt, PathMtu.Attempt? Waiting = null)
{
    /// <summary>
    /// Ethernet; PPPoE (RFC 2516); common tunnels and mobile links down to the smallest that IPv6 allows (RFC 8200, 5).
    /// </summary>
    public static readonly ImmutableArray<int> Ladder = [1500, 1492, 1472, 1460, 1440, 1420, 1400, 1380, 1360, 1320, 1280];

    /// <summary>Nothing tried: until more is known, the path is taken to carry what the tunnel sends.</summary>
    public static readonly PathMtu Unknown = new(0, 0, 0, Instant.Zero);

    /// <summary>A size counts as too large when this many probes of it were lost and smaller ones came through (RFC 8899, 5.1.2: MAX_PROBES 3).</summary>
    private const int MaxLosses = 3;

    /// <summary>RFC 8899, 5.1.1: PMTU_RAISE_TIMER.</summary>
    private static readonly TimeSpan RaiseAfter = TimeSpan.FromSeconds(600);

    private const int UdpHeader = 8;
    private const int IPv4Header = 20;
    private const int IPv6Header = 40;

    /// <summary>True once the search has found its size.</summary>
    public bool IsSettled => Found != 0 && Rung >= Ladder.Length;

    /// <summary>The size of the datagram that tries the current rung.</summary>
    public int ProbeLength(Endpoint remote) => Ladder[Math.Min(Rung, Ladder.Length - 1)] - Headers(remote);

    /// <summary>Largest inner packet that fits; no limit while nothing has come through.</summary>
    public int InnerLimit(Endpoint remote) =>
        Found != 0 ? Found - Headers(remote) - ProtocolConstants.DataHeaderSize - Ports.ICryptography.TagSize : ushort.MaxValue;

    /// <summary>A probe goes out. When the search had ended, a new one begins: the path may carry more, or less, by now.</summary>
    public PathMtu Begin(ulong counter, Instant now) =>
        this with { Rung = Rung < Ladder.Length ? Rung : 0, Losses = Rung < Ladder.Length ? Losses : 0, Waiting = new(counter, now) };

    /// <summary>A datagram of <paramref name="length"/> bytes came through.</summary>
    public PathMtu Arrived(int length, Endpoint remote, Instant now) =>
        new(length + Headers(remote), Ladder.Length, 0, now + RaiseAfter);

    /// <summary>
    /// A probe was lost. <paramref name="pathAnswers"/>: smaller probes have been answered since it was sent, so that it was
    /// the size and not the path.
    /// </summary>
    public PathMtu Lost(bool pathAnswers, Instant now)
    {
        if (!pathAnswers) return this with { NextAt = now + TimeSpan.FromSeconds(1), Waiting = null };
        if (Losses + 1 < MaxLosses) return this with { Losses = Losses + 1, NextAt = now, Waiting = null };
        return TooBig(now);
    }

    /// <summary>The host itself refuses the size: on to the next.</summary>
    public PathMtu TooBig(Instant now)
    {
        int rung = Math.Min(Rung, Ladder.Length - 1) + 1;
        // Below the last rung there is nothing to try: the smallest is what remains.
        return rung >= Ladder.Length ? new(Ladder[^1], Ladder.Length, 0, now + RaiseAfter) : this with { Rung = rung, Losses = 0, NextAt = now, Waiting = null };
    }

    /// <summary>The path may carry another size now: the search begins anew, and until it ends what was found holds.</summary>
    public PathMtu Again(Instant now) => this with { Rung = 0, Losses = 0, NextAt = now, Waiting = null };

    /// <summary>A padded probe under way: its counter, and when it was sent.</summary>
    public readonly record struct Attempt(ulong Counter, Instant At);

    private static int Headers(Endpoint remote) => UdpHeader + (remote.IsIPv4 ? IPv4Header : IPv6Header);
}
