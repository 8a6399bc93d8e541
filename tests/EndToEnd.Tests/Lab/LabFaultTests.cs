using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Faults;

namespace JumpingVpn.EndToEnd.Tests.Lab;

public sealed class LabFaultTests
{
    [PrivilegedFact]
    public void A_fault_that_no_packet_met_is_not_taken_for_one_that_held()
    {
        using LabTopology topology = LabTopology.Create();
        LabFault[] faults = [new BlackholeFault(topology), new LossFault(topology, 30), new NatRebindingFault(topology)];
        foreach (LabFault fault in faults)
        {
            fault.Apply();
            LabException exception = Assert.Throws<LabException>(fault.AssertTookHold);
            Assert.Contains(fault.Name, exception.Message, StringComparison.Ordinal);
            fault.Lift();
        }
    }

    [PrivilegedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_uplink_goes_down_and_comes_back_as_it_was(bool ipv6)
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(IPv6: ipv6));
        string routes = Routes(topology);
        var fault = new LinkDownFault(topology);
        fault.Apply();
        fault.AssertTookHold();
        Assert.NotEqual(routes, Routes(topology));
        fault.Lift();

        Assert.Equal(routes, Routes(topology));
        Assert.True(Reaches(topology, ipv6));
        Assert.Throws<LabException>(fault.AssertTookHold);
    }

    [PrivilegedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_address_changes_and_the_new_one_carries_traffic(bool ipv6)
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(IPv6: ipv6));
        var fault = new AddressChangeFault(topology);
        fault.Apply();
        fault.AssertTookHold();

        Assert.True(Reaches(topology, ipv6));
        Assert.Contains("10.1.0.3/24", topology.Client.IpShow("-4", "addr", "show", "wan1"), StringComparison.Ordinal);
    }

    [PrivilegedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_paths_carry_traffic_and_a_blackhole_stops_its_own(bool ipv6)
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(IPv6: ipv6));
        Assert.True(Reaches(topology, ipv6, "wan1"));
        Assert.True(Reaches(topology, ipv6, "wan2"));
        var fault = new BlackholeFault(topology);
        fault.Apply();
        Assert.False(Reaches(topology, ipv6, "wan1"));
        Assert.True(Reaches(topology, ipv6, "wan2"));
        fault.AssertTookHold();
        fault.Lift();

        Assert.True(Reaches(topology, ipv6, "wan1"));
    }

    private static string Routes(LabTopology topology) =>
        string.Join('\n', (topology.Client.IpShow("route") + topology.Client.IpShow("-6", "route")).Split('\n').Order());

    private static bool Reaches(LabTopology topology, bool ipv6, string? device = null)
    {
        string target = ipv6 ? LabNetwork.Gateway6 : LabNetwork.Gateway4;
        try
        {
            topology.Client.Execute("ping", ["-c", "1", "-W", "1", .. device is null ? (string[])[] : ["-I", device], target]);
            return true;
        }
        catch (LabException)
        {
            return false;
        }
    }
}
