using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// The set of paths: uplinks times gateway endpoints, as far as their families fit and the bound allows, each with a
/// socket of its own. What happens to the bound path's uplink makes the session jump in the same step.
/// </summary>
internal static class ClientPaths
{
    public static void TakeUplinks(ClientTurn turn, ImmutableArray<Uplink> uplinks)
    {
        ImmutableArray<Uplink> before = turn.State.Uplinks;
        turn.State = turn.State with { Uplinks = [.. uplinks.Take(ClientLimits.Uplinks)] };
        Rebuild(turn, before);
    }

    /// <summary>No address at all is no news: the known ones stay.</summary>
    public static void TakeEndpoints(ClientTurn turn, ImmutableArray<Endpoint> endpoints)
    {
        if (endpoints.IsEmpty)
        {
            if (turn.State.Endpoints.IsEmpty) turn.Warn("no address of the gateway is known");
            return;
        }
        turn.State = turn.State with { Endpoints = [.. endpoints.Distinct().Take(ClientLimits.Endpoints)] };
        Rebuild(turn, turn.State.Uplinks);
    }

    public static void TakeSocket(ClientTurn turn, ClientInput.SocketOpened opened)
    {
        if (BySocket(turn.State, opened.Socket) is not { IsOpen: false } path) return;
        turn.Put(path with { Local = opened.Local, IsRebound = false });
        turn.Emit(new ClientEffect.Report(new ClientReport.PathChanged(path.Uplink, path.Remote, "opened from " + opened.Local)));
        ClientWatch.Opened(turn, path);
        ClientReattaches.PathOpened(turn, path.Id);
    }

    public static void TakeSocketFailure(ClientTurn turn, ClientInput.SocketFailed failed)
    {
        if (BySocket(turn.State, failed.Socket) is not { } path) return;
        turn.Emit(new ClientEffect.Report(new ClientReport.PathChanged(path.Uplink, path.Remote, failed.Problem)));
        turn.Put(path with { Socket = 0, Local = null, RetryAt = turn.Now + turn.Jitter(ClientLimits.SocketRetry) });
        DropAttempts(turn);
        ClientWatch.Lost(turn, path.Id);
    }

    /// <summary>Tries again what the host refused.</summary>
    public static void Run(ClientTurn turn)
    {
        foreach (ClientPath path in turn.State.Paths.Values)
        {
            if (path.RetryAt > turn.Now) continue;
            if (path.IsOpen)
            {
                turn.Put(path with { RetryAt = Instant.Never });
                ClientWatch.Opened(turn, path);
            }
            else
            {
                Open(turn, path);
            }
        }
    }

    public static Instant Deadline(ClientState state)
    {
        Instant at = Instant.Never;
        foreach (ClientPath path in state.Paths.Values) at = Instant.Min(at, path.RetryAt);
        return at;
    }

    /// <summary>Closes every socket.</summary>
    public static void CloseAll(ClientTurn turn)
    {
        foreach (ClientPath path in turn.State.Paths.Values)
            if (path.Socket != 0) turn.Emit(new ClientEffect.CloseSocket(path.Socket));
        turn.State = turn.State with { Paths = turn.State.Paths.Clear() };
    }

    private static void Rebuild(ClientTurn turn, ImmutableArray<Uplink> before)
    {
        ImmutableArray<(Uplink Uplink, Endpoint Remote, int Rank)> wanted = Wanted(turn.State);
        var closing = new List<int>();
        foreach (ClientPath path in turn.State.Paths.Values)
            if (path.IsUp && !wanted.Any(want => Fits(path, want.Uplink, want.Remote))) TakeDown(turn, path, closing);
        foreach ((Uplink uplink, Endpoint remote, int rank) in wanted)
        {
            ClientPath? path = turn.State.Paths.Values.FirstOrDefault(path => Fits(path, uplink, remote));
            if (path is null) Add(turn, uplink, remote, rank);
            else Update(turn, path, uplink, rank, before, closing);
        }
        DropAttempts(turn);
        // What happened to the bound path is acted on before the sockets are closed, since that can wait.
        ClientWatch.Run(turn);
        foreach (int socket in closing) turn.Emit(new ClientEffect.CloseSocket(socket));
    }

    /// <summary>The path stays known, with what was learnt of it, as long as there is room: a flapping uplink must not start afresh.</summary>
    private static void TakeDown(ClientTurn turn, ClientPath path, List<int> closing)
    {
        if (path.Socket != 0) closing.Add(path.Socket);
        turn.Put(path with { Socket = 0, Local = null, RetryAt = Instant.Never, Cookie = null, Probes = path.Probes.Forget() });
        turn.Emit(new ClientEffect.Report(new ClientReport.PathChanged(path.Uplink, path.Remote, "gone")));
        ClientWatch.Lost(turn, path.Id);
    }

    private static void Update(ClientTurn turn, ClientPath path, Uplink uplink, int rank, ImmutableArray<Uplink> before, List<int> closing)
    {
        ClientPath next = path with { Rank = rank, InterfaceIndex = uplink.InterfaceIndex };
        turn.Put(next);
        if (path.Rank != rank) ClientWatch.Ranked(turn, next);
        if (!path.IsUp)
        {
            Open(turn, next with { Mtu = PathMtu.Unknown });
        }
        else if (MustReopen(path, uplink, before))
        {
            if (path.Socket != 0) closing.Add(path.Socket);
            turn.Emit(new ClientEffect.Report(new ClientReport.PathChanged(path.Uplink, path.Remote, "opened again: its address changed")));
            Open(turn, next with { Cookie = null, Probes = path.Probes.Forget(), Mtu = PathMtu.Unknown, IsRebound = true });
        }
    }

    /// <summary>The first endpoint on every uplink, then the second one on every uplink, until there are enough.</summary>
    private static ImmutableArray<(Uplink Uplink, Endpoint Remote, int Rank)> Wanted(ClientState state) =>
    [
        .. state.Endpoints
            .SelectMany((remote, e) => state.Uplinks.Select((uplink, u) => (Uplink: uplink, Remote: remote, Rank: (u * ClientLimits.Endpoints) + e)))
            .Where(want => want.Remote.IsIPv4 ? want.Uplink.HasIPv4 : want.Uplink.HasIPv6)
            .Take(ClientLimits.Paths),
    ];

    private static bool Fits(ClientPath path, Uplink uplink, Endpoint remote) => path.Uplink == uplink.Name && path.Remote == remote;

    /// <summary>
    /// True if the address that the socket sends from is gone; where that one is not known, if any of the family's is. A new
    /// address beside the old ones is no reason.
    /// </summary>
    private static bool MustReopen(ClientPath path, Uplink uplink, ImmutableArray<Uplink> before)
    {
        if (path.InterfaceIndex != uplink.InterfaceIndex) return true;
        if (path.Local is { IsUnspecified: false } local) return !uplink.Addresses.Contains(local.Address);
        Uplink? old = before.FirstOrDefault(old => old.Name == uplink.Name);
        return old is null || Family(old, path.Remote).Except(Family(uplink, path.Remote)).Any();
    }

    /// <summary>The address that a path sends from, for people: the uplink's own where the socket leaves it open and there is only one.</summary>
    public static Endpoint LocalOf(ClientState state, ClientPath path)
    {
        Endpoint local = path.Local ?? default;
        if (!local.IsUnspecified || state.Uplinks.FirstOrDefault(uplink => uplink.Name == path.Uplink) is not { } uplink) return local;
        UInt128[] addresses = [.. Family(uplink, path.Remote).Take(2)];
        return addresses is [UInt128 only] ? new(only, local.Port) : local;
    }

    private static IEnumerable<UInt128> Family(Uplink uplink, Endpoint remote) =>
        uplink.Addresses.Where(address => new Endpoint(address, 0).IsIPv4 == remote.IsIPv4);

    private static void Add(ClientTurn turn, Uplink uplink, Endpoint remote, int rank)
    {
        if (!MakeRoom(turn)) return;
        byte number = turn.State.NextPath;
        while (turn.State.Paths.ContainsKey(new PathId(number))) number++;
        turn.State = turn.State with { NextPath = (byte)(number + 1) };
        Open(turn, new ClientPath { Id = new(number), Uplink = uplink.Name, InterfaceIndex = uplink.InterfaceIndex, Remote = remote, Rank = rank });
    }

    /// <summary>A path that is down gives way, but never the bound one: the way off it has still to be found.</summary>
    private static bool MakeRoom(ClientTurn turn)
    {
        if (turn.State.Paths.Count < ClientLimits.Paths) return true;
        ClientPath? down = turn.State.Paths.Values.FirstOrDefault(path => !path.IsUp && path.Id != turn.State.Selection.Bound);
        if (down is null) return false;
        turn.State = turn.State with { Paths = turn.State.Paths.Remove(down.Id) };
        ClientWatch.Removed(turn, down.Id);
        return true;
    }

    private static void Open(ClientTurn turn, ClientPath path)
    {
        int socket = turn.State.NextSocket;
        turn.State = turn.State with { NextSocket = socket + 1 };
        turn.Put(path with { Socket = socket, Local = null, RetryAt = Instant.Never });
        turn.Emit(new ClientEffect.OpenSocket(socket, path.Uplink, path.InterfaceIndex, path.Remote));
    }

    /// <summary>Looks again for paths that had no room.</summary>
    public static void Refresh(ClientTurn turn)
    {
        if (Wanted(turn.State).Any(want => !turn.State.Paths.Values.Any(path => Fits(path, want.Uplink, want.Remote)))) Rebuild(turn, turn.State.Uplinks);
    }

    /// <summary>Forgets the attempts whose socket is no more.</summary>
    private static void DropAttempts(ClientTurn turn)
    {
        ClientHandshakes.DropWhere(turn, attempt => turn.State.PathOf(attempt.Path)?.Socket != attempt.Socket);
        ClientReattaches.DropWhere(turn, attempt => turn.State.PathOf(attempt.Path)?.Socket != attempt.Socket);
    }

    private static ClientPath? BySocket(ClientState state, int socket) => state.Paths.Values.FirstOrDefault(path => path.Socket == socket && socket != 0);
}
