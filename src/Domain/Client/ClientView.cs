using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>What `status` shows of a client, read off its state.</summary>
/// <param name="Session">Null while there is none.</param>
/// <param name="Ended">The session before, until the next one begins.</param>
public sealed record ClientView(ClientSessionView? Session, EndedSession? Ended, ImmutableArray<ClientPathView> Paths)
{
    public static ClientView Of(ClientState state, Instant now) => new(
        state.Session is { } session ? Show(session) : null,
        state.Ended,
        [.. state.Paths.Values.OrderBy(path => path.Rank).Select(path => Show(state, path, now))]);

    private static ClientSessionView Show(ClientSession session) => new(
        session.Id, session.State, session.Version, session.BindingVersion, session.OwnershipEpoch, session.KeyEpoch, session.Since, session.Addresses,
        session.State.IsBound() ? session.Bound : null, session.Switches, session.LastReason, session.InnerMtu);

    private static ClientPathView Show(ClientState state, ClientPath path, Instant now)
    {
        PathHealth? health = state.Selection.Paths.GetValueOrDefault(path.Id)?.Health;
        bool isOpen = path.IsOpen && health is { IsLinkUp: true };
        return new(
            path.Uplink, path.Remote,
            isOpen ? health!.State : path.IsUp ? PathState.Unknown : PathState.Dead,
            health is { Rtt.IsKnown: true } ? health.Rtt.Smoothed : null,
            health?.LossPpm(now) ?? 0,
            path.Mtu.Found == 0 ? null : path.Mtu.Found,
            state.Session is { } session && session.State.IsBound() && session.Bound?.Path == path.Id);
    }
}

/// <summary>The mirrored session.</summary>
/// <param name="Since">When this process first held it.</param>
/// <param name="Transport">Null while nothing is bound.</param>
/// <param name="Switches">Bindings after the first.</param>
/// <param name="InnerMtu">Largest inner packet now, in bytes.</param>
public sealed record ClientSessionView(
    SessionId Id, SessionState State, ulong Version, ulong BindingVersion, ulong OwnershipEpoch, uint KeyEpoch, Instant Since,
    ImmutableArray<IpPrefix> Addresses, BoundTransport? Transport, int Switches, ReasonCode LastReason, int InnerMtu);

/// <summary>One path.</summary>
/// <param name="Rtt">Smoothed round trip; null while it is not known.</param>
/// <param name="LossPpm">Loss over the last two seconds, in millionths.</param>
/// <param name="Mtu">Largest outer IP packet that came through, in bytes; null while it is not known.</param>
public sealed record ClientPathView(string Uplink, Endpoint Remote, PathState State, TimeSpan? Rtt, int LossPpm, int? Mtu, bool IsBound);
