namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>What a session shows of itself at one moment.</summary>
/// <param name="Uplink">The uplink that carries it, null without a transport.</param>
public sealed record LabSession(string Id, string State, long Version, long Switches, string? Uplink, string? LastReason);
