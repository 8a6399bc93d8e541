using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Netlink;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

public sealed class NetworkNamespaceTests
{
    private static readonly string Prefix = $"jumptest-{Environment.ProcessId}";

    [PrivilegedFact]
    public void A_named_namespace_is_one_of_the_ip_tools_until_disposed()
    {
        string name = Prefix + "-named";
        using (NetworkNamespace ns = NetworkNamespace.Create(name))
        {
            Assert.Contains("lo", ns.Execute($"ip netns exec {name} ip link show up"), StringComparison.Ordinal);
            Assert.Equal(Libc.EEXIST, Assert.Throws<LinuxException>(() => NetworkNamespace.Create(name)).Errno);
            using NetworkNamespace again = NetworkNamespace.OpenExisting(name);
            Assert.Single(again.Run(() => Links()));
        }
        Assert.False(File.Exists("/run/netns/" + name));
    }

    [PrivilegedFact]
    public void What_runs_inside_sees_only_the_inside_and_the_caller_stays_outside()
    {
        string before = ReadNamespace();
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        Assert.NotEqual(before, ns.Run(ReadNamespace));
        Assert.Equal(ns.Run(ReadNamespace), ns.Execute("readlink", null, "/proc/self/ns/net").Trim());
        Assert.Equal(before, ReadNamespace());
        Assert.Throws<InvalidOperationException>(() => ns.Run(() => throw new InvalidOperationException("inside")));
    }

    [PrivilegedFact]
    public void Two_namespaces_talk_over_a_pair_of_links()
    {
        using NetworkNamespace left = NetworkNamespace.CreateUnnamed(), right = NetworkNamespace.CreateUnnamed();
        NetworkNamespace.Connect(left, "a0", right, "b0");
        left.Execute("ip address add 10.1.0.1/24 dev a0");
        right.Execute("ip address add 10.1.0.2/24 dev b0");
        using UdpSocket sender = left.Run(() => UdpSocket.Open(new(At("10.1.0.1"))));
        using UdpSocket receiver = right.Run(() => UdpSocket.Open(new(At("10.1.0.2"))));
        Assert.Equal(SendStatus.Sent, sender.TrySendTo(receiver.Local, null, [5]).Status);
        Assert.Equal(sender.Local, Waiting.Receive(receiver, new byte[10]).Remote);
    }

    [PrivilegedFact]
    public void A_failing_command_is_an_error_with_its_first_line()
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        LinuxException error = Assert.Throws<LinuxException>(() => ns.Execute("ip link show nosuch9"));
        Assert.Equal("ip link show nosuch9: exit code 1: Device \"nosuch9\" does not exist.", error.Message);
    }

    [PrivilegedFact]
    public void Leftovers_of_dead_processes_are_removed_and_those_of_live_ones_kept()
    {
        string prefix = Prefix + "x";
        using NetworkNamespace live = NetworkNamespace.Create($"{prefix}-{Environment.ProcessId}-a");
        using var dead = System.Diagnostics.Process.Start("true");
        dead.WaitForExit();
        string left = $"{prefix}-{dead.Id}-a";
        _ = NetworkNamespace.Create(left);
        Assert.Equal([left], NetworkNamespace.RemoveLeftovers(prefix));
        Assert.True(File.Exists("/run/netns/" + live.Name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b")]
    public void A_name_that_is_no_file_name_is_refused(string name) =>
        Assert.Throws<LinuxException>(() => NetworkNamespace.Create(name));

    private static string ReadNamespace() =>
        new FileInfo("/proc/thread-self/ns/net").LinkTarget ?? throw new InvalidOperationException("no namespace");

    private static System.Collections.Immutable.ImmutableArray<LinkRecord> Links()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.Links();
    }
}
