using System.Diagnostics;
using JumpingVpn.Infrastructure.Telemetry;
using Serilog.Events;

namespace JumpingVpn.Infrastructure.Tests.Telemetry;

public sealed class NodeLogTests
{
    [Fact]
    public void A_line_has_time_level_and_message()
    {
        var output = new StringWriter();
        using (NodeLog log = NodeLog.Open(LogEventLevel.Information, null, TextWriter.Synchronized(output)))
        {
            log.Logger.Debug("not this");
            log.Logger.Information("{Client} took {Count} packets", "laptop", 3);
        }
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INF laptop took 3 packets\n$", output.ToString());
    }

    [Fact]
    public void What_others_sent_stays_on_its_line()
    {
        var output = new StringWriter();
        using (NodeLog log = NodeLog.Open(LogEventLevel.Information, null, TextWriter.Synchronized(output)))
            log.Logger.Information("from {Name}", "a\nFTL forged\e[2J");
        Assert.Single(output.ToString(), c => c == '\n');
        Assert.DoesNotContain('\e', output.ToString());
    }

    /// <summary>REQ-TELEMETRY-1: a terminal or pipe that takes nothing costs lines, never time.</summary>
    [Fact]
    public void A_pipe_that_nobody_reads_blocks_nobody_and_its_lines_are_counted()
    {
        using var stuck = new StuckWriter();
        string file = Path.Combine(Path.GetTempPath(), $"jumping-vpn-log-{Guid.NewGuid():N}");
        var watch = Stopwatch.StartNew();
        NodeLog log = NodeLog.Open(LogEventLevel.Information, new(file), stuck);
        try
        {
            for (int i = 0; i < NodeLog.QueueLength * 3; i++) log.Logger.Information("line {Number}", i);
            Assert.True(log.Dropped >= NodeLog.QueueLength, $"{log.Dropped} dropped");
            log.Dispose();
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), watch.Elapsed.ToString());
            Assert.NotEmpty(File.ReadAllLines(file));
        }
        finally
        {
            stuck.Free();
            File.Delete(file);
        }
    }

    [Fact]
    public void A_full_disk_costs_lines_that_are_counted()
    {
        var output = new StringWriter();
        using NodeLog log = NodeLog.Open(LogEventLevel.Information, new("/dev/full"), TextWriter.Synchronized(output));
        log.Logger.Information("one");
        Assert.True(SpinWait.SpinUntil(() => log.Dropped > 0 && output.ToString().Contains("one", StringComparison.Ordinal), 10_000), $"{log.Dropped} dropped");
    }

    [Fact]
    public void A_writer_that_fails_costs_lines_that_are_counted()
    {
        using NodeLog log = NodeLog.Open(LogEventLevel.Information, null, new BrokenWriter());
        log.Logger.Information("one");
        Assert.True(SpinWait.SpinUntil(() => log.Dropped == 1, 10_000), $"{log.Dropped} dropped");
    }

    /// <summary>REQ-TELEMETRY-3.</summary>
    [Fact]
    public void What_is_wrong_is_told_and_nothing_where_nothing_is()
    {
        using var stuck = new StuckWriter();
        string file = Path.Combine(Path.GetTempPath(), $"jumping-vpn-log-{Guid.NewGuid():N}");
        using (NodeLog healthy = NodeLog.Open(LogEventLevel.Information, new(file), TextWriter.Synchronized(new StringWriter())))
        {
            healthy.Logger.Information("one");
            Assert.Empty(healthy.Warnings);
        }
        NodeLog log = NodeLog.Open(LogEventLevel.Information, new(file), stuck);
        log.Watch(() => "the recorder cannot write");
        log.Logger.Information("two");
        Assert.True(SpinWait.SpinUntil(() => File.ReadAllText(file).Contains("two", StringComparison.Ordinal), 10_000));
        File.Delete(file);
        Assert.True(SpinWait.SpinUntil(() => log.Warnings.Count == 3, 10_000), string.Join("; ", log.Warnings));
        Assert.StartsWith("standard output has taken nothing", log.Warnings[0], StringComparison.Ordinal);
        Assert.Equal([file + " is gone: lines are lost until the node is started again", "the recorder cannot write"], log.Warnings.Skip(1));
        stuck.Free();
        log.Dispose();
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_an_error_at_start() =>
        Assert.ThrowsAny<IOException>(() => NodeLog.Open(LogEventLevel.Information, new("/no/such/directory/node.log")));

    private sealed class StuckWriter : StringWriter
    {
        private readonly ManualResetEventSlim free = new();

        public void Free() => free.Set();

        public override void Write(string? value) => free.Wait();
    }

    private sealed class BrokenWriter : StringWriter
    {
        public override void Write(string? value) => throw new IOException("Broken pipe");
    }
}
