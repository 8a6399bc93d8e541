using System.Collections.Immutable;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Telemetry.Recorder;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Lab.Tunnels;
using JumpingVpn.Node.Running;
using LanguageExt;
using NodeConfiguration = JumpingVpn.Node.Configuration.NodeConfiguration;

namespace JumpingVpn.Node.Lab.Incidents;

/// <summary>A node of a tunnel whose history is looked at when the tunnel ends.</summary>
/// <param name="Configuration">Its configuration file.</param>
/// <param name="Node">Its process; null if it was never started.</param>
public sealed record LabAudited(string Configuration, LabNode? Node);

/// <summary>
/// Exports every session that the nodes of a tunnel know, and verifies each file against the nodes' keys: whatever a test was about, what
/// it left behind must be proven. A node that runs is asked; of one that does not, its files are read.
/// </summary>
public static class LabAudit
{
    private static long verified;

    /// <summary>Tunnels look when they end. Off unless tests ask for it: measurements must not wait for it.</summary>
    public static bool IsOn { get; set; }

    /// <summary>Files that were verified in this process.</summary>
    public static long Verified => Interlocked.Read(ref verified);

    /// <summary>Sessions that are held by nodes that run, by their control sockets. What is wrong, or null.</summary>
    public static string? OfRunning(IReadOnlyList<LabAudited> nodes)
    {
        TrustedKeys? keys = Keys(nodes);
        foreach (LabNode node in nodes.Select(static audited => audited.Node).OfType<LabNode>().Where(static node => !node.HasExited))
        {
            // Without its lease a node of a cluster has nothing to tell.
            if (node.ReadStatus() is not { Lease: null or { Held: true } } status) continue;
            foreach (SessionStatus known in status.Sessions.Where(static known => known.State != nameof(SessionState.Birth)))
                if (SessionId.TryParse(known.Id, out SessionId session) && Verify($"{node.Name}, running", session, keys, file => LabExport.FromNode(node, session, file)) is { } problem)
                    return problem;
        }
        return null;
    }

    /// <summary>Every session that the nodes' files and database hold. On the embedded store no node may run. What is wrong, or null.</summary>
    /// <param name="settled">Ended sessions that were verified before and need not be again; those of now are added.</param>
    public static string? OfFiles(IReadOnlyList<LabAudited> nodes, ISet<SessionId> settled)
    {
        TrustedKeys? keys = Keys(nodes);
        (string File, NodeConfiguration Node)[] started =
            [.. nodes.Where(static audited => audited.Node is not null).Select(static audited => (audited.Configuration, LabExport.Load(audited.Configuration)))];
        // What a client was told is stored: a session that is in no store would otherwise be missed.
        SessionId[] told = [.. started.Where(static one => one.Node is ClientConfiguration).SelectMany(static one => Told(one.Node)).Distinct()];
        List<SessionId> ended = [];
        foreach ((string file, NodeConfiguration node) in started)
        {
            IEnumerable<SessionId> sessions = Told(node);
            if (node is GatewayConfiguration gateway)
            {
                Either<string, ImmutableArray<StoredStream>> read = Stored(gateway);
                if (read.IsLeft) return $"{node.Node}'s sessions cannot be read: {read.Match(static _ => "", static problem => problem)}";
                var stored = (ImmutableArray<StoredStream>)read;
                ended.AddRange(stored.Where(static stream => stream.Summary.Ended).Select(static stream => stream.Head.Stream));
                sessions = stored.Select(static stream => stream.Head.Stream).Union(told);
            }
            foreach (SessionId session in sessions.Where(session => !settled.Contains(session)))
                if (Verify($"{node.Node}'s files", session, keys, output => LabExport.FromFiles(file, session, output)) is { } problem) return problem;
        }
        settled.UnionWith(ended);
        return null;
    }

    private static TrustedKeys? Keys(IReadOnlyList<LabAudited> nodes)
    {
        string[] lines = [.. nodes.Select(static audited => LabExport.KeyLine(audited.Configuration)).OfType<string>()];
        return lines.Length == 0 ? null : TrustedKeys.Parse(string.Join('\n', lines)).IfLeft(static problem => throw new LabException(problem));
    }

    private static Either<string, ImmutableArray<StoredStream>> Stored(GatewayConfiguration gateway)
    {
        if (gateway.Store is not StoreConfiguration.Sqlite sqlite) return SharedStore.OpenForReadingAsync(gateway).GetAwaiter().GetResult().Bind(static store => Listed(store));
        return File.Exists(sqlite.File)
            ? SqliteEventStore.Open(new(sqlite.File, gateway.Node, gateway.StorePolicy, new InMemoryAuditArchive(), WallClock.Now)).Bind(static store => Listed(store))
            : ImmutableArray<StoredStream>.Empty;
    }

    /// <summary>The sessions that a client was attached to, by its recorder: that is all that a client keeps of them. Of a gateway none.</summary>
    private static ImmutableArray<SessionId> Told(NodeConfiguration client)
    {
        string directory = SessionExport.RecorderDirectory(client.Audit);
        return Directory.Exists(directory)
            ? [.. FlightRecorder.Read(directory).OfType<Evidence.Mirrored>().Where(static seen => seen.To == SessionState.Attached).Select(static seen => seen.Session).Distinct()]
            : [];
    }

    private static Either<string, ImmutableArray<StoredStream>> Listed(IEventStore store)
    {
        try
        {
            return store.ListAsync().AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static string? Verify(string whose, SessionId session, TrustedKeys? keys, Func<Stream, string?> export)
    {
        using var file = new MemoryStream();
        if (export(file) is { } problem) return $"{whose}: session {session} cannot be exported: {problem}";
        file.Position = 0;
        using var reader = new IncidentFileReader(whose, file);
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, keys);
        while (reader.Read() && check.Take(reader.Line, reader.Digest))
        {
        }
        if (check.Finish() is not null && reader.Fault is null)
        {
            Interlocked.Increment(ref verified);
            return null;
        }
        string kept = Path.Combine(Path.GetTempPath(), $"unverified-{session}-{Guid.NewGuid():n}.jvi");
        File.WriteAllBytes(kept, file.ToArray());
        string divergence = check.Fault?.Divergence is { } found
            ? $"; command {found.Command}, before {found.Before}, recorded {found.Recorded}, recomputed {found.Recomputed}"
            : "";
        return $"{whose}: session {session} does not hold: {reader.Fault ?? check.Fault?.ToString()}{divergence} (kept as {kept})";
    }
}
