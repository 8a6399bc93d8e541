using System.Runtime.InteropServices;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Netlink;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>What is said to someone who lacks the right. Capabilities are a thread's own, so one thread drops them and ends.</summary>
public sealed unsafe partial class PrivilegeTests
{
    private const uint Version3 = 0x20080522;

    [PrivilegedFact]
    public void A_tun_device_without_the_right_is_refused_with_the_remedy() => AssertRefused(
        () => TunDevice.Create(new("jump9")).Dispose(),
        "create TUN device jump9: Operation not permitted (EPERM)",
        "CAP_NET_ADMIN");

    [Fact]
    public void A_changed_link_without_the_right_is_refused_with_the_remedy() => AssertRefused(
        () =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            netlink.SetLinkUp(int.MaxValue, true);
        },
        $"set interface {int.MaxValue} up: Operation not permitted (EPERM)",
        "CAP_NET_ADMIN");

    [Fact]
    public void A_namespace_without_the_right_is_refused_with_the_remedy() => AssertRefused(
        () => NetworkNamespace.CreateUnnamed().Dispose(),
        "make a network namespace: Operation not permitted (EPERM)",
        "CAP_SYS_ADMIN");

    [Fact]
    public void A_thread_without_capabilities_knows_it()
    {
        bool admin = true;
        var thread = new Thread(() =>
        {
            DropCapabilities();
            admin = Privilege.HasNetAdmin || Privilege.HasSysAdmin;
        });
        thread.Start();
        thread.Join();
        Assert.False(admin);
    }

    private static void AssertRefused(Action action, string message, string capability)
    {
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            DropCapabilities();
            thrown = Record.Exception(action);
        });
        thread.Start();
        thread.Join();
        Assert.Equal(
            $"{message}; needs {capability}: run as root, or under systemd with AmbientCapabilities={capability}",
            Assert.IsType<LinuxException>(thrown).Message);
    }

    private static void DropCapabilities()
    {
        uint* header = stackalloc uint[] { Version3, 0 };
        uint* none = stackalloc uint[6];
        new Span<uint>(none, 6).Clear();
        Assert.Equal(0, capset(header, none));
    }

    [LibraryImport("libc")]
    private static partial int capset(uint* header, uint* data);
}
