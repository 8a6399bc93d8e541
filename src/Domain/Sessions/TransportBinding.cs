using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>The way that a confirmed request came and that is to be bound: the client's source as the gateway sees it,
/// the gateway's address that was asked, and the client's name for the path.</summary>
public readonly record struct TransportCandidate(Endpoint Remote, Endpoint Local, PathId Path);

/// <summary>
/// A path that is bound to a session (REQ-HIJACK-3: at most one at any time).
/// </summary>
/// <param name="Id">The version of the event that bound it; never used twice in a session.</param>
/// <param name="Node">The node that serves it.</param>
/// <param name="Remote">The client's address and port as the gateway sees them.</param>
/// <param name="Local">The gateway's own address and port.</param>
/// <param name="Path">The client's name for the path.</param>
/// <param name="BoundAt">When it was bound.</param>
public sealed record TransportBinding(ulong Id, string Node, Endpoint Remote, Endpoint Local, PathId Path, Instant BoundAt);
