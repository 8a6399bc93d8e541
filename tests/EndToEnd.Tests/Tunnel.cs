using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>A network with this program's nodes running in it. A failure's message carries what they said.</summary>
internal sealed class Tunnel : IDisposable
{
    private Tunnel(LabTopology topology, NodeTunnel nodes)
    {
        Topology = topology;
        Nodes = nodes;
    }

    public LabTopology Topology { get; }

    public NodeTunnel Nodes { get; }

    /// <param name="prepare">Changes what was written for the nodes before they start.</param>
    public static Tunnel Start(NodeTunnelOptions? options = null, Action<NodeTunnel>? prepare = null)
    {
        options ??= new NodeTunnelOptions();
        LabTopology topology = LabTopology.Create(new LabOptions(options.Clients, options.OutsideIPv6));
        var nodes = new NodeTunnel(topology, options);
        var tunnel = new Tunnel(topology, nodes);
        try
        {
            prepare?.Invoke(nodes);
            nodes.Start();
            return tunnel;
        }
        catch
        {
            // What did not start has nothing to prove, and must say why it did not.
            nodes.IsAudited = false;
            tunnel.Dispose();
            throw;
        }
    }

    /// <summary>The session that client <paramref name="client"/> has now.</summary>
    public LabSession Session(int client = 0) => Nodes.ClientAt(client).ReadSession() ?? throw new LabException("no session" + Environment.NewLine + Nodes.Logs());

    /// <summary>One ping through the tunnel is answered within the time.</summary>
    public bool Pings(string address, int client = 0, double seconds = 3)
    {
        return LabClock.WaitUntil(() =>
        {
            try
            {
                Topology.ClientAt(client).Execute("ping", ["-c", "1", "-W", "0.3", address]);
                return true;
            }
            catch (LabException)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(seconds));
    }

    /// <summary>Waits for a condition; fails with what it is called and the nodes' words.</summary>
    public void Await(string what, Func<bool> condition, double seconds = 10) =>
        Assert.True(LabClock.WaitUntil(condition, TimeSpan.FromSeconds(seconds), 20), $"{what} did not come within {seconds} s{Environment.NewLine}{Nodes.Logs()}");

    /// <summary>Ends all; fails if what the nodes have stored does not hold.</summary>
    public void Dispose()
    {
        using (Topology) Nodes.Dispose();
    }
}
