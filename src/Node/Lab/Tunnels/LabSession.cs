using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>What a session shows of itself at one moment.</summary>
/// <param name="Uplink">The uplink that carries it, null without a transport.</param>
/// <param name="Remote">The other side's address and port, null without a transport.</param>
public sealed record LabSession(string Id, string State, ulong Version, ulong Switches, string? Uplink, string? Remote, string LastReason)
{
    public static LabSession From(SessionStatus status) => new(
        status.Id, status.State, status.Version, status.Switches, status.Transport?.Uplink, status.Transport?.Remote, status.LastReason);
}
