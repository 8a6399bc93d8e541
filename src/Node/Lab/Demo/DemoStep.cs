using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>One thing that the demo does to the session's transport.</summary>
/// <param name="Title">What happens, for the reader.</param>
/// <param name="Apply">Makes it happen.</param>
/// <param name="IsOver">True once the session has done what is expected of it.</param>
/// <param name="Check">Throws if it did not happen.</param>
/// <param name="Expectation">What <paramref name="IsOver"/> waits for, for a failure's line.</param>
internal sealed record DemoStep(string Title, Action Apply, Func<LabSession, LabSession, bool> IsOver, Action Check, string Expectation)
{
    /// <summary>The steps of the demo, in order.</summary>
    public static IReadOnlyList<DemoStep> All(LabTopology topology, NodeTunnel tunnel)
    {
        var blackhole = new BlackholeFault(topology);
        var rebinding = new NatRebindingFault(topology);
        var restart = new GatewayRestartFault(topology, tunnel);
        return
        [
            new(
                "Router 1 swallows every packet. No link goes down, no route changes: nothing tells the client.",
                blackhole.Apply,
                (_, now) => now is { State: "Attached", Uplink: "wan2" },
                blackhole.AssertTookHold,
                "the session on wan2"),
            new(
                "Router 1 works again. Once wan1 has proven itself the session returns to it, with nothing lost.",
                blackhole.Lift,
                (_, now) => now is { State: "Attached", Uplink: "wan1" },
                () => { },
                "the session back on wan1"),
            new(
                "Router 1 gets another address and forgets all connections: the NAT binding is gone.",
                rebinding.Apply,
                (before, now) => now.State == "Attached" && now.Switches > before.Switches,
                rebinding.AssertTookHold,
                "a move to the new NAT binding"),
            new(
                "The gateway's process is killed (SIGKILL) and started again.",
                restart.Apply,
                (before, now) => now.State == "Attached" && now.Version > before.Version,
                restart.AssertTookHold,
                "the session attached to the restarted gateway"),
        ];
    }
}
