using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Cases;

/// <summary>
/// One measurement of one case, with a fresh network and fresh processes: what a process does for the first time counts.
/// </summary>
public static class OutageRound
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(2500);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PlayLimit = TimeSpan.FromSeconds(45);

    /// <param name="giveUp">How long to wait for packets to flow again before the answer is "never".</param>
    public static OutageResult Run(OutageCase outageCase, Func<LabTopology, ILabTunnel> makeTunnel, TimeSpan giveUp, LabOptions? options = null)
    {
        using LabTopology topology = LabTopology.Create(options);
        using ILabTunnel tunnel = makeTunnel(topology);
        try
        {
            tunnel.Start();
            return Measure(outageCase, topology, tunnel, giveUp);
        }
        catch (LabException exception)
        {
            throw new LabException($"{tunnel.Name}, {outageCase.Name}: {exception.Message}{Environment.NewLine}{tunnel.Logs()}", exception);
        }
    }

    /// <summary>Measures one case in a network whose tunnel is up.</summary>
    public static OutageResult Measure(OutageCase outageCase, LabTopology topology, ILabTunnel tunnel, TimeSpan giveUp)
    {
        var probeOptions = new ProbeOptions(topology.Client, topology.FarEnd, tunnel.GatewayAddress, outageCase.OnlyGatewaySends);
        using ProbeStreams probes = ProbeStreams.Start(probeOptions, StartLimit);
        if (!probes.AwaitFlow(LabClock.Now, StartLimit)) throw new LabException("the probes do not flow");
        LabFault fault = outageCase.MakeFault(topology, tunnel);
        fault.Prepare();
        LabSession? before = tunnel.ReadSession();
        ProbeStreams.RunFor(WarmUp);

        long since = LabClock.Now;
        fault.Apply();
        long applied = LabClock.Now;
        long? lossUntil = null;
        if (outageCase.Lasting is { } lasting)
        {
            lossUntil = ProbeStreams.RunFor(lasting);
            fault.AssertTookHold();
            fault.Lift();
        }

        if (!LabClock.WaitUntil(fault.HasPlayedOut, PlayLimit, 50)) fault.AssertTookHold();
        probes.AwaitFlow(applied, giveUp);
        ProbeStreams.RunFor(Settle);
        if (lossUntil is null) fault.AssertTookHold();
        ProbeReport report = probes.Finish(since, lossUntil);
        return new OutageResult(report, before, tunnel.ReadSession());
    }
}
