using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Control;

/// <summary>
/// What the control socket may ask of a running node. Calls come one at a time from pool threads; an implementation takes
/// what it needs through its core's inbox and never lets the core wait for the caller.
/// </summary>
public interface INodeControl
{
    /// <summary>The node as it is now.</summary>
    Task<NodeStatus> SnapshotAsync(CancellationToken cancellation);

    /// <summary>Ends a session for good (EXPLICIT). Completes once that is stored, or cannot be.</summary>
    Task<TerminationOutcome> TerminateSessionAsync(SessionId session, CancellationToken cancellation);

    /// <summary>Writes a session's incident file. Null when it is whole; otherwise why not, in one line.</summary>
    Task<string?> ExportSessionAsync(SessionId session, Stream output, CancellationToken cancellation);
}

/// <summary>How an operator's termination ended.</summary>
public enum TerminationOutcome
{
    /// <summary>The end is stored; traffic had stopped before that.</summary>
    Terminated,

    /// <summary>This node knows no such session.</summary>
    UnknownSession,

    /// <summary>The session had ended before.</summary>
    AlreadyEnded,

    /// <summary>Traffic has stopped, but the store does not take the event now; the node goes on trying.</summary>
    NotStored,
}
