using System.Globalization;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>What the calling thread may do, and what to tell the user when it may not.</summary>
public static class Privilege
{
    private const int CapNetAdmin = 12;
    private const int CapSysAdmin = 21;

    /// <summary>True if TUN devices, addresses and routes can be set up (CAP_NET_ADMIN is effective).</summary>
    public static bool HasNetAdmin => Has(CapNetAdmin);

    /// <summary>True if network namespaces can be made and entered (CAP_SYS_ADMIN is effective).</summary>
    public static bool HasSysAdmin => Has(CapSysAdmin);

    /// <summary>The rest of an error line about a missing capability.</summary>
    public static string Remedy(string capability) =>
        $"needs {capability}: run as root, or under systemd with AmbientCapabilities={capability}";

    private static bool Has(int capability)
    {
        const string Field = "CapEff:";
        foreach (string line in File.ReadLines("/proc/thread-self/status"))
        {
            if (!line.StartsWith(Field, StringComparison.Ordinal)) continue;
            return ulong.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong mask)
                && (mask >> capability & 1) != 0;
        }
        return false;
    }
}
