using System.Globalization;
using JumpingVpn.Infrastructure.Telemetry;
using Serilog.Events;

namespace JumpingVpn.Infrastructure.Tests.Telemetry;

/// <summary>REQ-EXHAUST-3: log files stay within their bound, and every line is in them, rolled away or counted.</summary>
public sealed class LogFilesTests : IDisposable
{
    private const int Files = 3;

    private readonly string directory = Directory.CreateTempSubdirectory("jumping-vpn-logs-").FullName;

    private string Node => Path.Combine(directory, "node.log");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void REQ_EXHAUST_3_the_files_never_take_more_than_their_bound_and_keep_the_newest_lines()
    {
        const int lines = 20_000;
        const long bound = LogFileOptions.SmallestSize * Files;
        long largest = 0;
        using (NodeLog log = Open(Files))
        {
            for (int i = 0; i < lines; i++)
            {
                log.Logger.Information("line {Number} {Padding}", i, new string('x', i % 150));
                // Slowly enough that none is dropped.
                if (i % (NodeLog.QueueLength / 4) == 0 || i == lines - 1)
                {
                    // Looked at while the lines are being written.
                    Assert.True(SpinWait.SpinUntil(() => (largest = Math.Max(largest, Taken())) > 0 && IsWritten(i), 20_000), $"line {i} does not come");
                }
            }
            Assert.Equal(0, log.Dropped);
            Assert.Empty(log.Warnings);
        }
        long written = Enumerable.Range(0, lines).Sum(i => $"2026-01-01T00:00:00.000Z INF line {i} ".Length + (i % 150) + 1L);
        Assert.True(written > 8 * bound, $"{written} bytes do not reach the bound often");
        Assert.InRange(largest, bound / 2, bound);
        Assert.Equal(["node.log", "node.log.1", "node.log.2"], Directory.GetFiles(directory).Select(Path.GetFileName).Order());
        int[] kept = [.. new[] { Node + ".2", Node + ".1", Node }.SelectMany(Numbers)];
        Assert.Equal(Enumerable.Range(lines - kept.Length, kept.Length), kept);
        Assert.All(Directory.GetFiles(directory), file => Assert.False(File.GetUnixFileMode(file).HasFlag(UnixFileMode.OtherRead), file));
    }

    /// <summary>REQ-TELEMETRY-1: of what two destinations were to take, each line was taken or is counted, once.</summary>
    [Fact]
    public void REQ_TELEMETRY_1_lines_that_are_dropped_are_counted_once()
    {
        const int lines = NodeLog.QueueLength * 4;
        using var gate = new ManualResetEventSlim();
        var output = new GatedWriter(gate);
        using NodeLog log = NodeLog.Open(LogEventLevel.Information, new LogFileOptions(Node), output);
        for (int i = 0; i < lines; i++) log.Logger.Information("line {Number}", i);
        // One line is being written and a queue is full: the others are dropped.
        Assert.InRange(log.Dropped, lines - NodeLog.QueueLength - 1, 2L * lines);
        gate.Set();
        Assert.True(SpinWait.SpinUntil(() => output.Lines + Numbers(Node).Length + log.Dropped == 2 * lines, 20_000),
            $"{output.Lines} printed, {Numbers(Node).Length} written, {log.Dropped} dropped, of {lines} each");
        Assert.InRange(output.Lines, 1, NodeLog.QueueLength + 1);
    }

    [Fact]
    public void Fewer_and_smaller_files_than_before_are_kept_to_from_the_next_line_on()
    {
        for (int i = 1; i < 6; i++) File.WriteAllText($"{Node}.{i}", "old\n");
        File.WriteAllText(Node, new string('y', (int)LogFileOptions.SmallestSize) + "\n");
        using (NodeLog log = Open(2)) log.Logger.Information("new");
        Assert.Equal(["node.log", "node.log.1"], Directory.GetFiles(directory).Select(Path.GetFileName).Order());
        Assert.EndsWith(" INF new\n", File.ReadAllText(Node), StringComparison.Ordinal);
        Assert.StartsWith("yyy", File.ReadAllText(Node + ".1"), StringComparison.Ordinal);
    }

    [Fact]
    public void One_file_begins_anew_at_its_bound()
    {
        File.WriteAllText(Node, new string('y', (int)LogFileOptions.SmallestSize) + "\n");
        using (NodeLog log = Open(1)) log.Logger.Information("new");
        Assert.Single(Directory.GetFiles(directory));
        Assert.Single(File.ReadAllLines(Node));
    }

    /// <summary>Where the next file cannot be begun the bound wins: lines are counted, and it goes on when it can.</summary>
    [Fact]
    public void A_file_that_cannot_be_rolled_grows_no_further_and_its_lines_are_counted()
    {
        File.WriteAllText(Node, new string('y', (int)LogFileOptions.SmallestSize));
        string obstacle = Directory.CreateDirectory(Node + ".1").FullName;
        using NodeLog log = Open(2);
        log.Logger.Information("one");
        Assert.True(SpinWait.SpinUntil(() => log.Dropped == 1, 10_000), $"{log.Dropped} dropped");
        Assert.Equal(LogFileOptions.SmallestSize, new FileInfo(Node).Length);
        Directory.Delete(obstacle);
        log.Logger.Information("two");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Node) && File.ReadAllText(Node).EndsWith(" INF two\n", StringComparison.Ordinal), 10_000));
        Assert.Equal(1, log.Dropped);
    }

    private NodeLog Open(int files) =>
        NodeLog.Open(LogEventLevel.Information, new LogFileOptions(Node, LogFileOptions.SmallestSize, files), TextWriter.Null);

    private bool IsWritten(int number)
    {
        try
        {
            return Numbers(Node).LastOrDefault(-1) >= number;
        }
        catch (FileNotFoundException)
        {
            // Just now the next one is begun.
            return false;
        }
    }

    private static int[] Numbers(string file) =>
        [.. File.ReadAllText(file).Split('\n').SkipLast(1).Select(line => int.Parse(line.Split(' ')[3], CultureInfo.InvariantCulture))];

    private long Taken()
    {
        try
        {
            return Directory.GetFiles(directory).Sum(file => new FileInfo(file).Length);
        }
        catch (FileNotFoundException)
        {
            // One was renamed between the two looks.
            return 1;
        }
    }

    private sealed class GatedWriter(ManualResetEventSlim gate) : StringWriter
    {
        private int lines;

        public int Lines => Volatile.Read(ref lines);

        public override void Write(string? value)
        {
            gate.Wait();
            Interlocked.Increment(ref lines);
        }
    }
}
