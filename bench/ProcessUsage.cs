using System.Globalization;

namespace JumpingVpn.Bench;

/// <summary>CPU time and memory of a process, from /proc (proc(5)).</summary>
internal static class ProcessUsage
{
    /// <summary>USER_HZ, the unit of /proc/PID/stat: 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>User and system time of all its threads so far, in seconds.</summary>
    public static double CpuSeconds(int processId)
    {
        string stat = File.ReadAllText(Invariant($"/proc/{processId}/stat"));
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }

    /// <summary>Resident memory, all and anonymous, in megabytes (10^6 bytes).</summary>
    public static (double Resident, double Anonymous) Memory(int processId)
    {
        string[] lines = File.ReadAllLines(Invariant($"/proc/{processId}/status"));
        return (Megabytes(lines, "VmRSS:"), Megabytes(lines, "RssAnon:"));
    }

    private static double Megabytes(string[] lines, string key)
    {
        string line = lines.First(entry => entry.StartsWith(key, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
