namespace JumpingVpn.Node.Lab.Faults;

/// <summary>A router drops packets at random, in both directions.</summary>
public sealed class LossFault(LabTopology topology, int percent, int router = 1) : LabFault(topology)
{
    public override string Name => $"{percent} % loss on path {router}";

    public override void Apply() => Topology.Router(router).Nft(LabRuleset.SetFault($"numgen random mod 100 < {percent}", "drop"));

    public override void AssertTookHold() =>
        Require(LabRuleset.FaultPackets(Topology.Router(router)) > 0, "the router has dropped no packet");

    public override void Lift() => Topology.Router(router).Nft(LabRuleset.ClearFault);
}
