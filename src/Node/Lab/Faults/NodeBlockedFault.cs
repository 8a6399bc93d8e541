using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Faults;

/// <summary>
/// Both routers drop what goes to the owner's address and what comes from it. The node lives, keeps its lease and reaches the database:
/// only the client must go elsewhere.
/// </summary>
public sealed class NodeBlockedFault(LabTopology topology, ClusterTunnel cluster) : LabFault(topology)
{
    private int node;

    public override string Name => "the way to the owner's address is blocked";

    public override void Prepare() => node = cluster.Owner() ?? throw new LabException("no node serves the session");

    public override void Apply()
    {
        string address = LabNetwork.Node4(node);
        string rules = LabRuleset.SetFault([$"ip daddr {address}", $"ip saddr {address}"], "drop");
        Parallel.For(1, 3, router => Topology.Router(router).Nft(rules));
    }

    public override bool HasPlayedOut() => cluster.Owner() is { } now && now != node;

    public override void AssertTookHold()
    {
        Require(!cluster.NodeAt(node).HasExited, "the node has ended");
        Require(HasPlayedOut(), $"the session is {cluster.ReadSession()?.ToString() ?? "unknown"}");
        for (int router = 1; router <= 2; router++)
            Require(LabRuleset.FaultPackets(Topology.Router(router)) > 0, $"router {router} has dropped no packet");
    }

    public override void Lift()
    {
        for (int router = 1; router <= 2; router++) Topology.Router(router).Nft(LabRuleset.ClearFault);
    }
}
