using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Node.Running;

/// <summary>The paths of a node as its flight recorder samples them, read off a core's last state.</summary>
internal static class PathSamples
{
    /// <summary>A session of which nothing has been heard for so long has nothing new to say.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    public static IEnumerable<Evidence> Of(ClientState state, string node, Instant now, WallTime wall)
    {
        ClientView view = ClientView.Of(state, now);
        if (view.Session is not { } session) yield break;
        foreach (ClientPathView path in view.Paths)
            yield return new Evidence.PathSample(node, wall, session.Id, NameOf(path.Uplink, path.Remote), path.State.ToString(),
                path.Rtt is { } rtt ? rtt.Ticks / TimeSpan.TicksPerMicrosecond : null, path.Rtt is null ? 0 : path.LossPpm, path.IsBound);
    }

    public static IEnumerable<Evidence> Of(GatewayState state, string node, Instant now, WallTime wall)
    {
        foreach (GatewaySession held in state.Sessions.Values)
        {
            if (held.Epoch is null || now - held.HeardAt > Fresh || !held.Session.State.IsBound()) continue;
            foreach (TransportBinding bound in held.Session.Transport)
                yield return new Evidence.PathSample(node, wall, held.Session.Id, bound.Remote.ToString(), "Live",
                    held.Quality.RttMicros > 0 ? held.Quality.RttMicros : null, held.Quality.LossPpm, true);
        }
    }

    /// <summary>How a client's evidence names a path.</summary>
    public static string NameOf(string uplink, Endpoint remote) => $"{uplink} {remote}";
}
