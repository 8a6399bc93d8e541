using JumpingVpn.Node.Lab.Faults;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Sessions;

public sealed class TwoClientsTests
{
    [PrivilegedFact]
    public void Each_has_its_own_session_and_one_that_jumps_leaves_the_other_alone()
    {
        using Tunnel tunnel = Tunnel.Start(new NodeTunnelOptions { Clients = 2 });
        LabSession first = tunnel.Session(0), second = tunnel.Session(1);
        Assert.NotEqual(first.Id, second.Id);
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4, 0), tunnel.Nodes.Logs());
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4, 1), tunnel.Nodes.Logs());
        Assert.Equal(2, tunnel.Nodes.Gateway.ReadStatus()!.Sessions.Count);

        var fault = new LinkDownFault(tunnel.Topology, uplink: 1, client: 0);
        fault.Apply();
        fault.AssertTookHold();
        tunnel.Await("the first client's jump", () => tunnel.Session(0) is { Uplink: "wan2", State: "Attached" });

        Assert.Equal(first.Id, tunnel.Session(0).Id);
        // On a busy machine its packets may be late enough for a move of its own, but not to the uplink that it likes less.
        Assert.Equal((second.Id, "Attached", "wan1"), (tunnel.Session(1).Id, tunnel.Session(1).State, tunnel.Session(1).Uplink));
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4, 0), tunnel.Nodes.Logs());
        Assert.True(tunnel.Pings(NodeAddresses.Gateway4, 1), tunnel.Nodes.Logs());
    }

    [PrivilegedFact]
    public void A_client_that_the_gateway_does_not_know_gets_no_session()
    {
        using Tunnel tunnel = Tunnel.Start();
        string configuration = File.ReadAllText(tunnel.Nodes.PathOf("client.yaml"))
            .Replace("client.key", "stranger.key", StringComparison.Ordinal)
            .Replace("client.sock", "stranger.sock", StringComparison.Ordinal);
        NodeKeys.Create().WritePrivate(tunnel.Nodes.PathOf("stranger.key"));
        File.WriteAllText(tunnel.Nodes.PathOf("stranger.yaml"), configuration);
        tunnel.Nodes.Client.Stop();
        using LabNode stranger = LabNode.Start(
            "stranger", tunnel.Topology.Client, tunnel.Nodes.PathOf("stranger.yaml"), tunnel.Nodes.PathOf("stranger.sock"));
        Thread.Sleep(TimeSpan.FromSeconds(2));

        Assert.False(stranger.HasExited, stranger.Output());
        Assert.True(stranger.ReadSession() is null or { State: "Birth" }, stranger.Output());
        Assert.False(tunnel.Pings(NodeAddresses.Gateway4, seconds: 0.5));
    }
}
