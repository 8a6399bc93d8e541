using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Faults;

/// <summary>The process of the node that serves the session is killed with SIGKILL, or told to end with SIGTERM. It is not started again.</summary>
public sealed class OwnerEndedFault(LabTopology topology, ClusterTunnel cluster, int signal) : LabFault(topology)
{
    private LabNode? owner;
    private int node;

    public override string Name => signal == LabSignal.Kill ? "the owner is killed" : "the owner is told to end";

    public override void Prepare()
    {
        node = cluster.Owner() ?? throw new LabException("no node serves the session");
        owner = cluster.NodeAt(node);
    }

    public override void Apply() => owner!.Signal(signal);

    public override bool HasPlayedOut() => owner!.HasExited && cluster.Owner() is { } now && now != node;

    public override void AssertTookHold()
    {
        Require(owner!.HasExited, $"{owner.Name} still runs");
        if (signal != LabSignal.Kill) Require(owner.ExitCode == 0, $"{owner.Name} ended with exit code {owner.ExitCode}");
        Require(cluster.Owner() is { } now && now != node, $"the session is at {cluster.ReadSession()?.Remote ?? "no node"}");
    }

    public override void Lift()
    {
    }
}
