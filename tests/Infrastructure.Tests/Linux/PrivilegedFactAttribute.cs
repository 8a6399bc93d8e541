using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>
/// A test that makes network namespaces and TUN devices. Without the right to do so it is skipped and says why; with CI=true it runs
/// all the same and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PrivilegedFactAttribute : FactAttribute
{
    public PrivilegedFactAttribute()
    {
        bool able = Privilege.HasNetAdmin && Privilege.HasSysAdmin && File.Exists("/dev/net/tun");
        if (!able && Environment.GetEnvironmentVariable("CI") != "true")
            Skip = "needs root (CAP_NET_ADMIN, CAP_SYS_ADMIN) and /dev/net/tun";
    }
}
