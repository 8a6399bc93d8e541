using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Node.Running;

/// <summary>
/// What a running node says: transitions one line each, rejections counted and, at a bounded rate, logged. Safe from any
/// thread; writing never blocks (the sink behind it drops instead).
/// </summary>
/// <param name="write">Takes a level and a line.</param>
internal sealed class NodeLog(Action<NodeLogLevel, string> write)
{
    private const int Reasons = 512;
    private const int MaxSessionNote = 64;

    private readonly long[] _rejections = new long[Reasons];
    private readonly long[] _lastLogged = new long[Reasons];

    /// <summary>Counts by reason name, of those that occurred.</summary>
    public SortedDictionary<string, long> Rejections()
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (int i = 0; i < Reasons; i++)
        {
            long count = Interlocked.Read(ref _rejections[i]);
            if (count > 0) counts[((ReasonCode)i).Name()] = count;
        }
        return counts;
    }

    public void Information(string text) => write(NodeLogLevel.Information, text);

    public void Warning(string text) => write(NodeLogLevel.Warning, text);

    public void Error(string text) => write(NodeLogLevel.Error, text);

    /// <summary>A stored transition: session id, version, from -> to, reason, transport, what changed.</summary>
    public void Transition(Session before, Session after, SessionEvent happened)
    {
        string transport = after.Transport.Match(bound => $"{bound.Remote} at {bound.Local} path {bound.Path}", () => "-");
        Transition(after.Id, after.Version, before.State, after.State, happened.Reason, transport, ChangeOf(before, after));
    }

    public void Transition(SessionId session, ulong version, SessionState from, SessionState to, ReasonCode reason, string transport, string change) =>
        write(NodeLogLevel.Information, $"session {session} v{version} {from} -> {to} {reason.Name()} transport {transport}; {change}");

    public void Client(ClientReport report)
    {
        switch (report)
        {
            case ClientReport.Transition moved:
                Transition(moved.Session, (ulong)moved.Version, moved.From, moved.To, moved.Reason, moved.Transport, moved.Change);
                break;
            case ClientReport.PathChanged path:
                write(NodeLogLevel.Information, $"path {path.Uplink} to {path.Remote}: {path.Change}");
                break;
            case ClientReport.Rejected rejected:
                Count(rejected.Reason, () => rejected.Detail);
                break;
            case ClientReport.Warning warning:
                Warning(warning.Text);
                break;
            default:
                throw new InvalidOperationException("a report that is none of the known ones");
        }
    }

    /// <summary>Counts a refused input, and logs the first of its reason in each second.</summary>
    public void Rejection(ReasonCode reason, Endpoint source, SessionId? session) =>
        Count(reason, () => $"from {source}{(session is { } id ? $" for session {id}" : "")}");

    public void SendFailed(int socket, int errno) => Count(ReasonCode.None, () => $"socket {socket}: errno {errno}");

    private void Count(ReasonCode reason, Func<string> detail)
    {
        int index = Math.Min((int)reason, Reasons - 1);
        long count = Interlocked.Increment(ref _rejections[index]);
        long now = Environment.TickCount64;
        long last = Interlocked.Read(ref _lastLogged[index]);
        if (count > 1 && now - last < 1000) return;
        if (Interlocked.CompareExchange(ref _lastLogged[index], now, last) != last) return;
        write(NodeLogLevel.Debug, $"refused {reason.Name()} {detail()} ({count} so far)");
    }

    private static string ChangeOf(Session before, Session after)
    {
        var changes = new List<string>();
        if (after.BindingVersion != before.BindingVersion) changes.Add($"binding {before.BindingVersion} -> {after.BindingVersion}");
        if (after.KeyEpoch != before.KeyEpoch) changes.Add($"key epoch {before.KeyEpoch} -> {after.KeyEpoch}");
        if (after.OwnershipEpoch != before.OwnershipEpoch) changes.Add($"ownership epoch {before.OwnershipEpoch} -> {after.OwnershipEpoch}");
        if (after.Instance != before.Instance) changes.Add($"client instance {after.Instance.ToString()[..8]}");
        if (before.State == SessionState.Birth) changes.Add($"client {after.ClientName.IfNone(after.Client.ToString)}, addresses {after.Addresses}");
        string text = changes.Count == 0 ? "nothing else changed" : string.Join(", ", changes);
        return text.Length > MaxSessionNote * SessionLimits.MaxAddresses ? text[..(MaxSessionNote * SessionLimits.MaxAddresses)] : text;
    }
}

/// <summary>How much a line matters.</summary>
internal enum NodeLogLevel
{
    Debug,
    Information,
    Warning,
    Error,
}
