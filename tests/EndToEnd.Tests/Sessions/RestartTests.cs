using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Probes;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Sessions;

public sealed class RestartTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [PrivilegedTheory]
    [InlineData(LabSignal.Kill)]
    [InlineData(LabSignal.Terminate)]
    public void A_client_with_a_state_file_resumes_its_session(int signal)
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { State = true });
        var options = new ProbeOptions(tunnel.Topology.Client, tunnel.Topology.Gateway, tunnel.Nodes.GatewayAddress);
        using ProbeStreams probes = ProbeStreams.Start(options, Limit);
        LabSession before = tunnel.Session();
        ProbeStreams.RunFor(TimeSpan.FromSeconds(1));
        long since = LabClock.Now;
        tunnel.Nodes.Client.Signal(signal);
        Assert.True(tunnel.Nodes.Client.WaitForExit(Limit));
        tunnel.Nodes.StartClient(0);
        tunnel.Nodes.Client.AwaitAttached();
        bool flows = probes.AwaitFlow(LabClock.Now, Limit);
        ProbeReport report = probes.Finish(since);

        Assert.True(flows, tunnel.Nodes.Logs());
        Assert.Equal(before.Id, tunnel.Session().Id);
        Assert.True(report.TcpAlive, tunnel.Nodes.Logs());
    }

    [PrivilegedFact]
    public void A_client_without_one_makes_a_session_that_is_visibly_new()
    {
        using Tunnel tunnel = Tunnel.Start();
        LabSession before = tunnel.Session();
        tunnel.Nodes.Client.Kill();
        tunnel.Nodes.StartClient(0);
        tunnel.Nodes.Client.AwaitAttached();

        Assert.NotEqual(before.Id, tunnel.Session().Id);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
        // A client key has at most one session: the old one is gone from the gateway.
        tunnel.Await(
            "the old session's end",
            () => tunnel.Nodes.Gateway.ReadStatus()!.Sessions.All(session => session.Id != before.Id || session.State == "Terminated"));
    }

    [PrivilegedFact]
    public void Both_ends_may_be_killed_at_the_same_moment()
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { State = true });
        LabSession before = tunnel.Session();
        tunnel.Nodes.Gateway.Kill();
        tunnel.Nodes.Client.Kill();
        tunnel.Nodes.StartClient(0);
        tunnel.Nodes.StartGateway();
        tunnel.Nodes.Client.AwaitAttached();

        Assert.Equal(before.Id, tunnel.Session().Id);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4), tunnel.Nodes.Logs());
    }

    [PrivilegedFact]
    public void A_damaged_state_file_is_an_error_and_stays_as_it_is()
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { State = true });
        Assert.True(tunnel.Nodes.Client.Stop(), tunnel.Nodes.Logs());
        string state = tunnel.Nodes.PathOf("client.state");
        byte[] damaged = File.ReadAllBytes(state);
        damaged[damaged.Length / 2] ^= 1;
        File.WriteAllBytes(state, damaged);
        CliResult result = NodeCli.RunIn(tunnel.Topology.Client, "run", "--config", tunnel.Nodes.PathOf("client.yaml"));

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("client.state", result.Error, StringComparison.Ordinal);
        Assert.Equal(damaged, File.ReadAllBytes(state));
    }
}
