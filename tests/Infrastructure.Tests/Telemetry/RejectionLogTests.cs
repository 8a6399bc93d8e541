using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace JumpingVpn.Infrastructure.Tests.Telemetry;

/// <summary>REQ-FLOOD-3: a flood of refusals is counted whole and logged in single lines.</summary>
public sealed class RejectionLogTests
{
    private readonly List<string> lines = [];
    private readonly ManualTime time = new();

    [Fact]
    public void A_flood_gives_one_line_an_interval_and_every_count()
    {
        RejectionLog log = Make();
        for (int i = 0; i < 1000; i++) log.Count(ReasonCode.BadMac, "198.51.100.7:1");
        log.Count(ReasonCode.ReplayDetected, "session x");
        Assert.Equal(["refused BAD_MAC: 198.51.100.7:1", "refused REPLAY_DETECTED: session x"], lines);
        time.Pass(RejectionLog.Interval);
        log.Count(ReasonCode.BadMac, "198.51.100.8:2");
        Assert.Equal("refused BAD_MAC: 198.51.100.8:2 (and 999 more since the last such line)", lines[2]);
        Assert.Equal(new SortedDictionary<string, long> { ["BAD_MAC"] = 1001, ["REPLAY_DETECTED"] = 1 }, log.Snapshot());
    }

    [Fact]
    public void What_others_counted_is_added_without_a_line()
    {
        RejectionLog log = Make();
        log.Add(ReasonCode.BadTag, 7);
        Assert.Empty(lines);
        Assert.Equal(7, log.Snapshot()["BAD_TAG"]);
    }

    private RejectionLog Make() => new(new LoggerConfiguration().WriteTo.Sink(new Lines(lines)).CreateLogger(), time);

    private sealed class Lines(List<string> lines) : ILogEventSink
    {
        public void Emit(LogEvent logEvent)
        {
            using var text = new StringWriter();
            new LogLineFormatter().Format(logEvent, text);
            lines.Add(text.ToString()["2026-01-01T00:00:00.000Z INF ".Length..].TrimEnd('\n'));
        }
    }

    private sealed class ManualTime : TimeProvider
    {
        private long now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;

        public void Pass(TimeSpan span) => now += span.Ticks;
    }
}
