using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Faults;

/// <summary>
/// The voluntary switch: the session is on the second uplink and the preferred one comes back healthy. Nothing is broken when
/// the session moves, so nothing may be lost.
/// </summary>
public sealed class ReturnToPreferredFault(LabTopology topology, ILabTunnel tunnel) : LabFault(topology)
{
    private const string Preferred = "wan1";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly LinkDownFault linkDown = new(topology);
    private ulong switchesBefore;

    public override string Name => "return to the preferred uplink";

    public override void Prepare()
    {
        linkDown.Apply();
        linkDown.AssertTookHold();
        Require(
            LabClock.WaitUntil(() => tunnel.ReadSession() is { State: "Attached", Uplink: not (null or Preferred) }, Limit, 50),
            "the session did not leave the preferred uplink when that was down");
        switchesBefore = tunnel.ReadSession()!.Switches;
    }

    public override void Apply() => linkDown.Lift();

    public override bool HasPlayedOut() => tunnel.ReadSession() is { Uplink: Preferred };

    public override void AssertTookHold()
    {
        LabSession? session = tunnel.ReadSession();
        Require(session is { Uplink: Preferred } && session.Switches > switchesBefore, $"the session is on {session?.Uplink ?? "no uplink"}");
    }

    public override void Lift()
    {
    }
}
