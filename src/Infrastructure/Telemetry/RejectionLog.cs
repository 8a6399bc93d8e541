using JumpingVpn.Domain.Sessions;
using Serilog;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>
/// Counts refused inputs by reason and logs them, one line for each reason in <see cref="Interval"/> at most: a flood must not
/// become a flood of log lines (REQ-FLOOD-3, REQ-TELEMETRY-1). Counting takes no lock and any thread may do it.
/// </summary>
public sealed class RejectionLog(ILogger log, TimeProvider? time = null)
{
    /// <summary>Reason codes are small numbers; one that is not is counted with the last.</summary>
    private const int Codes = 512;

    /// <summary>Between two lines for the same reason.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly long[] counts = new long[Codes];
    private readonly long[] logged = new long[Codes];
    private readonly long[] nextLine = new long[Codes];

    /// <summary>Counts one; <paramref name="detail"/> (who, what) is only used if a line is due.</summary>
    public void Count<T>(ReasonCode reason, T detail)
    {
        int index = Math.Min((int)reason, Codes - 1);
        long count = Interlocked.Increment(ref counts[index]);
        long now = time.GetTimestamp(), due = Volatile.Read(ref nextLine[index]);
        if (due != 0 && now < due) return;
        long next = Math.Max(1, now + (long)(Interval.TotalSeconds * time.TimestampFrequency));
        if (Interlocked.CompareExchange(ref nextLine[index], next, due) != due) return;
        long more = count - Interlocked.Exchange(ref logged[index], count) - 1;
        string suppressed = more > 0 ? $" (and {more} more since the last such line)" : "";
        log.Information(
            "refused {Reason}: {Detail}{Suppressed}", ReasonCodes.Name(reason), detail?.ToString(), suppressed);
    }

    /// <summary>Adds what another part counted by itself, without a line.</summary>
    public void Add(ReasonCode reason, long count) => Interlocked.Add(ref counts[Math.Min((int)reason, Codes - 1)], count);

    /// <summary>Counts above zero, by the reasons' names.</summary>
    public SortedDictionary<string, long> Snapshot()
    {
        var all = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (int code = 0; code < Codes; code++)
            if (Interlocked.Read(ref counts[code]) is > 0 and var count) all[ReasonCodes.Name((ReasonCode)code)] = count;
        return all;
    }
}
