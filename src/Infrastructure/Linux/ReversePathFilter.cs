using System.Globalization;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// The kernel's IPv4 reverse path filter (RFC 3704; rp_filter in the kernel's ip-sysctl). In strict mode it drops what arrives by an
/// interface that is not the best way back: all answers over a second uplink, since the best default route is the first's. Loose mode,
/// the usual default of distributions, does no harm.
/// </summary>
public static class ReversePathFilter
{
    private const int Strict = 1;

    /// <summary>True if answers to a socket bound to this device may be dropped for coming in by it.</summary>
    public static bool IsStrict(string device) => Math.Max(Read("all"), Read(device)) == Strict;

    /// <summary>One line for the log that names the mend.</summary>
    public static string Warning(string device) =>
        $"{device}: strict reverse path filtering may drop what comes in by it while another uplink has the better route: "
        + $"sysctl net.ipv4.conf.{device.Replace('.', '/')}.rp_filter=2";

    private static int Read(string name)
    {
        try
        {
            string text = File.ReadAllText($"/proc/sys/net/ipv4/conf/{name}/rp_filter");
            return int.TryParse(text.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
