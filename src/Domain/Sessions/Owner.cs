using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// Who may serve a session: a node in one of its incarnations (REQ-PARTITION-1). Node names have 1 to
/// <see cref="SessionLimits.MaxNameLength"/> characters.
/// </summary>
public sealed record Owner(string Node, IncarnationId Incarnation)
{
    public override string ToString() => Node + "/" + Incarnation.ToString()[..8];
}
