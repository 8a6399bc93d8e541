using System.Globalization;

namespace JumpingVpn.Node.Lab;

/// <summary>
/// Names everything that one process of the lab makes (namespaces, directories) after its pid and start time, so that a later
/// run can tell what a dead process left behind from what a live one uses.
/// </summary>
public static class LabOwner
{
    public const string Prefix = "jvlab-";

    private static int counter;

    /// <summary>A new name stem, `jvlab-PID-STARTTIME-N`.</summary>
    public static string NextStem() => string.Create(CultureInfo.InvariantCulture,
        $"{Prefix}{Environment.ProcessId}-{StartTime(Environment.ProcessId) ?? 0}-{Interlocked.Increment(ref counter)}");

    /// <summary>True if <paramref name="name"/> was made by a process of the lab that no longer runs.</summary>
    public static bool IsOrphan(string name)
    {
        string[] parts = name.Split('-');
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && parts.Length >= 4
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int processId)
            && ulong.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out ulong startTime)
            && StartTime(processId) != startTime;
    }

    /// <summary>Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)); null if there is no such process.</summary>
    private static ulong? StartTime(int processId)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            return ulong.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
