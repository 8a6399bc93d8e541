using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>What one step cost, in pings.</summary>
internal sealed record DemoStepResult(double OutageMilliseconds, int Sent, int Lost);

/// <summary>What the whole demo showed.</summary>
internal sealed record DemoOutcome(
    LabSession Before,
    LabSession? After,
    double LongestOutage,
    int Sent,
    int Lost,
    bool TcpAlive,
    long Transferred)
{
    public ulong Jumps => After is { } after && after.Id == Before.Id ? after.Switches - Before.Switches : 0;

    /// <summary>What did not hold, each in one line.</summary>
    public IEnumerable<string> Problems()
    {
        if (After?.Id != Before.Id) yield return $"the session {Before.Id} is gone";
        if (!TcpAlive) yield return "the TCP connection did not survive";
    }
}
