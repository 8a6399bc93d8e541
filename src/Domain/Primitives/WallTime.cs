namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// Microseconds since 1970-01-01T00:00:00Z by the node's wall clock. It stands beside events for the people who read
/// them; no decision ever looks at it, so a wrong clock harms no session.
/// </summary>
public readonly record struct WallTime(long Microseconds);
