using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Lab;

/// <summary>The measuring itself, on the bare network: what it says of a known disturbance must be that disturbance.</summary>
public sealed class ProbeStreamsTests
{
    private static readonly TimeSpan Disturbance = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [PrivilegedFact]
    public void An_undisturbed_network_shows_the_floor()
    {
        using LabTopology topology = LabTopology.Create();
        ProbeReport report = Measure(topology, () => { });

        Assert.InRange(report.Outage!.Value.TotalMilliseconds, 9, 120);
        Assert.InRange(report.TcpStall!.Value.TotalMilliseconds, 9, 120);
        Assert.Equal(0, report.Lost);
        Assert.InRange(report.Up!.Sent, 200, 320);
        Assert.InRange(report.Down!.Sent, 200, 320);
        Assert.Equal(0, report.Up.Duplicates + report.Down.Duplicates + report.Up.Reordered + report.Down.Reordered);
        Assert.True(report.TcpAlive);
    }

    [PrivilegedFact]
    public void A_blackhole_of_known_length_measures_as_long_as_it_was()
    {
        using LabTopology topology = LabTopology.Create();
        ProbeReport report = Measure(topology, () => Disturb(new BlackholeFault(topology)));

        // The packet before and the one after add up to two periods; setting and clearing the rule takes some milliseconds.
        Assert.InRange(report.Up!.LongestGap.TotalMilliseconds, 290, 900);
        Assert.InRange(report.Down!.LongestGap.TotalMilliseconds, 290, 900);
        Assert.InRange(report.Up.Lost, 28, 90);
        Assert.True(report.TcpStall!.Value.TotalMilliseconds >= 290);
        Assert.True(report.TcpAlive);
    }

    [PrivilegedTheory]
    [InlineData(BlackholeDirection.ClientToGateway)]
    [InlineData(BlackholeDirection.GatewayToClient)]
    public void A_blackhole_of_one_direction_leaves_the_other_alone(BlackholeDirection direction)
    {
        using LabTopology topology = LabTopology.Create();
        ProbeReport report = Measure(topology, () => Disturb(new BlackholeFault(topology, direction)));

        bool up = direction == BlackholeDirection.ClientToGateway;
        Assert.InRange((up ? report.Up! : report.Down!).LongestGap.TotalMilliseconds, 290, 900);
        Assert.Equal(0, (up ? report.Down! : report.Up!).Lost);
    }

    [PrivilegedFact]
    public void A_network_that_never_comes_back_has_no_outage_figure()
    {
        using LabTopology topology = LabTopology.Create();
        ProbeReport report = Measure(topology, new BlackholeFault(topology).Apply);

        Assert.Null(report.Outage);
    }

    [PrivilegedFact]
    public void Loss_shows_as_the_share_that_was_delivered()
    {
        using LabTopology topology = LabTopology.Create();
        using ProbeStreams probes = Start(topology);
        var loss = new LossFault(topology, 30);
        long since = ProbeStreams.RunFor(Second);
        loss.Apply();
        long until = ProbeStreams.RunFor(3 * Second);
        loss.AssertTookHold();
        loss.Lift();
        ProbeReport report = probes.Finish(since, until);

        // 600 datagrams in both directions together: 0.70 with a standard deviation of 0.027 in each.
        Assert.InRange(report.Up!.Delivered, 0.58, 0.82);
        Assert.InRange(report.Down!.Delivered, 0.58, 0.82);
    }

    [PrivilegedFact]
    public void A_silent_client_sends_nothing_until_the_end()
    {
        using LabTopology topology = LabTopology.Create();
        using ProbeStreams probes = Start(topology, onlyGatewaySends: true);
        long since = ProbeStreams.RunFor(2 * Second);
        long packets = LabConntrack.Mappings(topology.Router(1)).Count;
        ProbeReport report = probes.Finish(since);

        Assert.True(packets > 0);
        Assert.Null(report.Up);
        Assert.Null(report.TcpStall);
        Assert.Equal(0, probes.GatewayArrivals.Count);
        Assert.InRange(report.Outage!.Value.TotalMilliseconds, 9, 120);
        Assert.True(report.TcpAlive);
    }

    private static ProbeReport Measure(LabTopology topology, Action disturb)
    {
        using ProbeStreams probes = Start(topology);
        long since = ProbeStreams.RunFor(1.5 * Second);
        disturb();
        ProbeStreams.RunFor(2 * Second);
        return probes.Finish(since);
    }

    private static void Disturb(LabFault fault)
    {
        fault.Apply();
        ProbeStreams.RunFor(Disturbance);
        fault.AssertTookHold();
        fault.Lift();
    }

    private static ProbeStreams Start(LabTopology topology, bool onlyGatewaySends = false)
    {
        using var raw = new RawTunnel();
        return ProbeStreams.Start(new ProbeOptions(topology.Client, topology.Gateway, raw.GatewayAddress, onlyGatewaySends), TimeSpan.FromSeconds(5));
    }
}
