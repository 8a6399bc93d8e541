using JumpingVpn.Domain.Gateway;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads the `limits` section: what a node bounds for itself.</summary>
internal static class LimitsReader
{
    /// <summary>Each takes a descriptor and a few kilobytes.</summary>
    public const int MaxControlConnections = 1024;

    public const int MinHalfOpenHandshakes = 16;

    /// <summary>Each holds five secrets, and as many as these fit beside those of the most sessions (<see cref="Infrastructure.Crypto.SecretArena.DefaultCapacity"/>).</summary>
    public const int MaxHalfOpenHandshakes = 4096;

    public static LimitsConfiguration Read(Section section, bool isGateway)
    {
        const string halfOpen = "half_open_handshakes";
        if (section.Nested("limits") is not { } limits) return new(ControlLimits.Connections, GatewayLimits.HalfOpenHandshakes);
        int connections = limits.Integer("control_connections", ControlLimits.Connections, 1, MaxControlConnections);
        int handshakes = isGateway ? limits.Integer(halfOpen, GatewayLimits.HalfOpenHandshakes, MinHalfOpenHandshakes, MaxHalfOpenHandshakes) : GatewayLimits.HalfOpenHandshakes;
        limits.Done(isGateway ? null : new Dictionary<string, string> { [halfOpen] = "belongs to a gateway; nobody opens a handshake with a client" });
        return new(connections, handshakes);
    }
}
