using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>All that a client core remembers. Immutable; every collection is bounded.</summary>
public sealed record ClientState
{
    /// <summary>Before the start.</summary>
    public static readonly ClientState Initial = new();

    /// <summary>This start of the process.</summary>
    public InstanceId Instance { get; init; }

    public ClientLife Life { get; init; } = ClientLife.New;

    /// <summary>MAC1 and cookie keys; there from start to stop.</summary>
    public AddressKeys AddressKeys { get; init; }

    public ImmutableArray<Uplink> Uplinks { get; init; } = [];

    public ImmutableArray<Endpoint> Endpoints { get; init; } = [];

    public ImmutableSortedDictionary<PathId, ClientPath> Paths { get; init; } = StateMap.Empty<PathId, ClientPath>();

    /// <summary>The number that the next socket gets.</summary>
    public int NextSocket { get; init; } = 1;

    /// <summary>The number that the next path gets, if it is free.</summary>
    public byte NextPath { get; init; }

    public ConnectPlan Connect { get; init; }

    /// <summary>Handshakes under way, at most one for each path.</summary>
    public ImmutableArray<HandshakeAttempt> Handshakes { get; init; } = [];

    /// <summary>Null while the client has none.</summary>
    public ClientSession? Session { get; init; }

    /// <summary>Null while none is under way.</summary>
    public Reattach? Reattach { get; init; }

    /// <summary>Before this nothing that is not urgent is tried.</summary>
    public Instant GentleAt { get; init; } = Instant.Zero;

    /// <summary>What the state file holds and when it is written.</summary>
    public StateFile File { get; init; } = StateFile.None;

    /// <summary>An END that has not been answered.</summary>
    public SessionEnd? End { get; init; }

    /// <summary>The last session that ended; null once another has begun.</summary>
    public EndedSession? Ended { get; init; }

    /// <summary>When the stop is carried out whatever is missing.</summary>
    public Instant StopBy { get; init; } = Instant.Never;

    /// <summary>What is known of the paths, and which one to try.</summary>
    public PathSelection Selection { get; init; } = PathSelection.Create(SessionPolicy.Default);

    /// <summary>When the selection wants to be asked again.</summary>
    public Instant SelectAt { get; init; } = Instant.Never;

    /// <summary>When traffic resumed on an idle session.</summary>
    public Instant TrafficAt { get; init; } = Instant.Zero;

    /// <summary>The data plane will say when traffic resumes.</summary>
    public bool IsArmed { get; init; }

    /// <summary>When the gateway last showed on any path that it lives.</summary>
    public Instant AnsweredAt { get; init; } = Instant.Zero;

    /// <summary>When the gateway last answered a handshake although we hold a session that it does not answer for; never if it did not.</summary>
    public Instant DisownedAt { get; init; } = Instant.Never;

    /// <summary>When the endpoints were last resolved.</summary>
    public Instant ResolvedAt { get; init; } = Instant.Zero;

    public ClientPath? PathOf(PathId id) => Paths.GetValueOrDefault(id);

    /// <summary>The path that a datagram came by; null unless socket and sender fit.</summary>
    public ClientPath? PathOf(TransportAddress source)
    {
        foreach (ClientPath path in Paths.Values)
            if (path.Socket == source.Socket && path.Remote == source.Remote && path.IsOpen) return path;
        return null;
    }

    /// <summary>The path of the bound transport, if it still exists.</summary>
    public ClientPath? BoundPath => Session?.Bound is { } bound ? PathOf(bound.Path) : null;

    /// <summary>The paths that datagrams can be sent on, best first.</summary>
    public IEnumerable<ClientPath> OpenPaths => Paths.Values.Where(path => path.IsOpen).OrderBy(path => path.Rank);

    internal bool UsesIndex(uint index) =>
        Handshakes.Any(attempt => attempt.LocalIndex == index)
        || (Reattach?.Attempts.Any(attempt => attempt.LocalIndex == index) ?? false)
        || (Session?.Epochs.Any(epoch => epoch.LocalIndex == index) ?? false);
}

/// <summary>The life of the process.</summary>
public enum ClientLife
{
    /// <summary>Not started.</summary>
    New,

    Running,

    /// <summary>Asked to stop: the session is being ended or its state saved.</summary>
    Stopping,

    /// <summary>Every secret is released; no input changes anything.</summary>
    Stopped,
}
