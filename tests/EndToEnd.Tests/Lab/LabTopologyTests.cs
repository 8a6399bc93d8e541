using System.Diagnostics;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.EndToEnd.Tests.Lab;

public sealed class LabTopologyTests
{
    [PrivilegedFact]
    public void It_stands_within_a_second_or_so_and_leaves_nothing_behind()
    {
        var watch = Stopwatch.StartNew();
        string directory;
        string[] during;
        using (LabTopology topology = LabTopology.Create(new LabOptions(Clients: 2, IPv6: true)))
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(3), $"{watch.Elapsed.TotalMilliseconds:0} ms");
            directory = topology.WorkDirectory;
            during = Own();
            Assert.Equal(6, during.Length);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
        }

        Assert.Empty(Own().Intersect(during));
        Assert.False(Directory.Exists(directory));
    }

    [PrivilegedFact]
    public void Processes_in_it_end_with_it()
    {
        LabProcess process;
        using (LabTopology topology = LabTopology.Create())
        {
            process = LabProcess.Start("sleeper", topology.Client, "sleep", ["60"]);
            Assert.True(LabClock.WaitUntil(() => topology.Client.ProcessIds().Contains(process.Id), TimeSpan.FromSeconds(2)));
        }

        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(2)));
        process.Dispose();
    }

    [PrivilegedFact]
    public void What_a_killed_process_left_is_removed_and_what_a_live_one_uses_stays()
    {
        // This process's own pid with another start time: a process that is gone, whose pid was used again.
        string orphan = $"{LabOwner.Prefix}{Environment.ProcessId}-1-1-client";
        string directory = Path.Combine(Path.GetTempPath(), $"{LabOwner.Prefix}{Environment.ProcessId}-1-1");
        LabCommand.Run("ip", ["netns", "add", orphan]);
        Directory.CreateDirectory(directory);
        using var isInside = new ManualResetEventSlim();
        using LabProcess process = LabProcess.Start("sleeper", new LabNamespace(orphan), "sh", ["-c", "echo here; exec sleep 60"], onLine: _ => isInside.Set());
        Assert.True(isInside.Wait(TimeSpan.FromSeconds(10)));
        using LabTopology live = LabTopology.Create();
        using LabTopology other = LabTopology.Create();

        Assert.DoesNotContain(orphan, Own());
        Assert.False(Directory.Exists(directory));
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(2)));
        Assert.Contains(live.Client.Name, Own());
    }

    [PrivilegedFact]
    public void Nothing_leads_out_of_it()
    {
        using LabTopology topology = LabTopology.Create(new LabOptions(Cluster: true));
        string stem = topology.Client.Name[..^"client".Length];
        LabNamespace[] spaces = [topology.Client, topology.Gateway, topology.NodeAt(2), topology.Server, topology.Router(1), topology.Router(2), topology.Switch];
        foreach (LabNamespace space in spaces)
        {
            string[] links = space.IpShow("-o", "link").Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.All(links.Where(link => link.Contains('@')), link => Assert.Contains($"link-netns {stem}", link, StringComparison.Ordinal));
            Assert.All(links.Where(link => !link.Contains('@')), link => Assert.Matches(": (lo|br0): ", link));
        }

        Assert.Empty(topology.Gateway.IpShow("route", "show", "default"));
        Assert.Empty(topology.Server.IpShow("route", "show", "default"));
    }

    /// <summary>This process's own: others may use the lab at the same time.</summary>
    private static string[] Own() =>
        [.. Directory.EnumerateFiles(LabNamespace.Directory, $"{LabOwner.Prefix}{Environment.ProcessId}-*").Select(Path.GetFileName).OfType<string>()];
}
