using JumpingVpn.Adversary.Lab;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Adversary.Tests;

/// <summary>One attack: the lab, the honest client's traffic running through it, and what must be so at its end.</summary>
internal sealed class Attack : IDisposable
{
    private static readonly TimeSpan FlowLimit = TimeSpan.FromSeconds(10);

    /// <summary>A client that is slow to suspect: on a busy machine it must not move by itself while a test counts moves.</summary>
    private static readonly Dictionary<string, string> Calm = new() { ["suspicion_min"] = "1s", ["suspicion_max"] = "2s" };

    private readonly ProbeStreams _probes;
    private readonly long _since;

    private Attack(AttackLab lab)
    {
        Lab = lab;
        _probes = ProbeStreams.Start(new ProbeOptions(lab.Topology.Client, lab.Topology.Gateway, lab.Nodes.GatewayAddress), FlowLimit);
        _since = LabClock.Now;
        Before = Session;
    }

    public AttackLab Lab { get; }

    /// <summary>The honest session when the attack began.</summary>
    public SessionStatus Before { get; }

    /// <summary>The honest session as the gateway has it now.</summary>
    public SessionStatus Session => Lab.HonestSession() ?? throw new LabException("the honest client has no session" + Environment.NewLine + Lab.Nodes.Logs());

    public static Attack Begin(NodeTunnelOptions? options = null, int hostile = 1, bool ipv6 = false, bool calm = true)
    {
        options ??= new NodeTunnelOptions();
        if (calm) options = options with { Policy = Calm };
        AttackLab lab = AttackLab.Start(options, hostile, ipv6);
        try
        {
            return new(lab);
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    /// <summary>Lets the attack go on for some time.</summary>
    public static void Last(double seconds) => Thread.Sleep(TimeSpan.FromSeconds(seconds));

    /// <summary>Waits for a condition; fails with what it is called and the nodes' words.</summary>
    public void Await(string what, Func<bool> condition, double seconds = 10) =>
        Assert.True(LabClock.WaitUntil(condition, TimeSpan.FromSeconds(seconds), 20), $"{what} did not come within {seconds} s{Environment.NewLine}{Lab.Nodes.Logs()}");

    /// <summary>The attack took hold: the gateway refused at least so much for this reason, or because there was too much of it.</summary>
    public void TookHold(string reason, long least = 1)
    {
        long found = Lab.Refused(reason), count = reason == "RATE_LIMITED" || least == 1 ? found : found + Lab.Refused("RATE_LIMITED");
        Assert.True(found > 0 && count >= least, $"{reason}: {count}, wanted {least} ({string.Join(", ", Lab.Nodes.Gateway.ReadStatus()!.Rejections)})");
    }

    /// <summary>Nothing about the session has moved.</summary>
    public void MovedNothing()
    {
        SessionStatus now = Session;
        bool same = (Before.Id, Before.Version, Before.BindingVersion, Before.KeyEpoch, Before.Transport!.Remote, "Attached")
            == (now.Id, now.Version, now.BindingVersion, now.KeyEpoch, now.Transport?.Remote, now.State);
        Assert.True(same, $"{Before}{Environment.NewLine}{now}{Environment.NewLine}{Lab.Nodes.Logs()}");
    }

    /// <summary>
    /// The same session is attached to the true client, who gets through in both directions over the connection that it had, and nothing
    /// came out of the tunnel twice.
    /// </summary>
    public ProbeReport Survived()
    {
        Await("the session's return", () => Lab.HonestSession() is { State: "Attached" } now && now.Id == Before.Id);
        bool flows = _probes.AwaitFlow(LabClock.Now, FlowLimit);
        ProbeReport report = _probes.Finish(_since);
        Assert.True(flows, Lab.Nodes.Logs());
        Assert.True(report.TcpAlive, Lab.Nodes.Logs());
        Assert.Equal(0, report.Up!.Duplicates + report.Down!.Duplicates);
        // Behind router 1 or 2, whose addresses end in 11 and 12, or 21 and 22 after a rebinding: nobody else is the true client.
        Assert.Matches(@"^(192\.0\.2\.|\[2001:db8:ff::)[12][12]\]?:\d+$", Session.Transport!.Remote);
        Assert.Equal(Session.Version, Lab.Nodes.Client.ReadSession()!.Version);
        return report;
    }

    public void Dispose()
    {
        _probes.Dispose();
        Lab.Dispose();
    }
}
