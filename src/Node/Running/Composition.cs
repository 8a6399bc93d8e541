using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Hosting;

namespace JumpingVpn.Node.Running;

/// <summary>Makes the node that a configuration describes; it is not started yet.</summary>
internal static class Composition
{
    public static INode Compose(NodeConfiguration configuration, NodeLog log) => configuration switch
    {
        GatewayConfiguration gateway => new GatewayNode(gateway, log),
        ClientConfiguration client => new ClientNode(client, log),
        _ => throw new InvalidOperationException("a role that is none of the known ones"),
    };
}
