using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>
/// Whether the kernel passes packets on from a device into the tunnel (the kernel's ip-sysctl). Answering for an inner address draws its
/// traffic here; without forwarding it would end here.
/// </summary>
public static class Forwarding
{
    /// <summary>One line for the log for each setting that is missing; each names the mend.</summary>
    public static IEnumerable<string> Missing(IEnumerable<string> devices, IReadOnlyCollection<IpPrefix> tunnel)
    {
        foreach (string device in devices)
        {
            if (tunnel.Any(static network => network.IsIPv4) && !IsOn($"ipv4/conf/{device}/forwarding"))
                yield return $"{device}: the kernel forwards no IPv4 from it, so nothing comes into the tunnel: sysctl net.ipv4.conf.{device.Replace('.', '/')}.forwarding=1";
        }
        if (tunnel.Any(static network => !network.IsIPv4) && !IsOn("ipv6/conf/all/forwarding"))
            yield return "the kernel forwards no IPv6, so nothing comes into the tunnel: sysctl net.ipv6.conf.all.forwarding=1";
    }

    private static bool IsOn(string setting)
    {
        try
        {
            return File.ReadAllText("/proc/sys/net/" + setting).AsSpan().Trim() is not "0";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is not complained of.
            return true;
        }
    }
}
