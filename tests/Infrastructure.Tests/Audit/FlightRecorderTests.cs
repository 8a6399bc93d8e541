using System.Net;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry.Recorder;
using JumpingVpn.Infrastructure.Tests.Linux;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>The flight recorder: what it keeps, what it sums up, what it drops, and that it stays within its bounds.</summary>
public sealed class FlightRecorderTests : IDisposable
{
    private readonly string _directory = Path.Combine(Directory.CreateTempSubdirectory().FullName, "recorder");

    private static readonly Endpoint Source = Endpoint.From(IPAddress.Parse("203.0.113.9"), 4000);

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_directory)!, recursive: true);

    [Fact]
    public async Task Refusals_are_summed_up_by_reason_and_source_with_the_first_and_the_last_in_full()
    {
        long now = 0;
        await using (var recorder = Recorder(() => new(++now)))
        {
            for (int i = 0; i < 1000; i++) recorder.Refused(ReasonCode.ReplayDetected, Endpoint.From(IPAddress.Parse("203.0.113.9"), 4000 + i), History.Id, "nonce " + i);
            recorder.Refused(ReasonCode.BadMac, Endpoint.From(IPAddress.Parse("2001:db8::1"), 1), null);
            recorder.Refused(ReasonCode.BadMac, Endpoint.From(IPAddress.Parse("2001:db8::ffff:2"), 2), null);
        }
        Evidence.Rejections[] seen = [.. FlightRecorder.Read(_directory).OfType<Evidence.Rejections>()];
        Assert.Equal(2, seen.Length);
        Assert.Equal(("REPLAY_DETECTED", "203.0.113.9", 1000L), (seen[0].Reason, seen[0].Source, seen[0].Count));
        Assert.Equal(("203.0.113.9:4000", "nonce 0"), (seen[0].First.Source, seen[0].First.Detail));
        Assert.Equal(("203.0.113.9:4999", "nonce 999"), (seen[0].Last.Source, seen[0].Last.Detail));
        Assert.Equal(("BAD_MAC", "2001:db8::/64", 2L), (seen[1].Reason, seen[1].Source, seen[1].Count));
    }

    [Fact]
    public async Task Probes_are_summed_up_by_path()
    {
        await using (var recorder = Recorder())
        {
            for (int i = 0; i < 40; i++) recorder.Probed(History.Id, Source, 1, i % 2, "wan1");
        }
        Evidence.Probes probes = Assert.Single(FlightRecorder.Read(_directory).OfType<Evidence.Probes>());
        Assert.Equal(("wan1 203.0.113.9:4000", 40L, 20L), (probes.Path, probes.Sent, probes.Received));
    }

    [Fact]
    public async Task Only_what_is_about_the_session_or_about_none_is_read_for_it()
    {
        await using (var recorder = Recorder())
        {
            recorder.Record(Sample(History.Id));
            recorder.Record(Sample(new SessionId(5)));
            recorder.Record(new Evidence.Link("gw-a", new(1), "wan1", "down"));
            recorder.Refused(ReasonCode.BadMac, Source, new SessionId(5));
            recorder.Refused(ReasonCode.BadMac, Source, null);
        }
        Assert.Equal(5, FlightRecorder.Read(_directory).Count());
        Assert.All(FlightRecorder.Read(_directory, History.Id), static seen => Assert.True(seen.About is null || seen.About == History.Id));
        Assert.Equal(3, FlightRecorder.Read(_directory, History.Id).Count());
    }

    [Fact]
    public async Task What_a_crash_cut_off_is_passed_over_and_what_came_before_and_after_is_there()
    {
        await using (var recorder = Recorder())
        {
            recorder.Record(Sample(History.Id));
            await recorder.FlushAsync();
            recorder.Record(new Evidence.Link("gw-a", new(1), "wan1", "down"));
        }
        string file = Assert.Single(Directory.GetFiles(_directory));
        long whole = new FileInfo(file).Length;
        using (FileStream torn = File.OpenWrite(file)) torn.SetLength(whole - 7);
        await using (var recorder = Recorder()) recorder.Record(new Evidence.Link("gw-a", new(2), "wan2", "up"));
        Evidence[] seen = [.. FlightRecorder.Read(_directory)];
        Assert.Equal(2, seen.Length);
        Assert.IsType<Evidence.PathSample>(seen[0]);
        Assert.Equal("wan2", Assert.IsType<Evidence.Link>(seen[1]).Subject);
    }

    [Fact]
    public async Task The_ring_keeps_the_newest_within_its_bound()
    {
        var random = new Random(3);
        await using (var recorder = Recorder(bytes: FlightRecorderOptions.MinBytes))
        {
            for (int round = 0; round < 60; round++)
            {
                for (int i = 0; i < 1000; i++) recorder.Record(new Evidence.Link("gw-a", new(round), Convert.ToHexString(RandomBytes(random, 40)), "x"));
                await recorder.FlushAsync();
            }
        }
        Assert.InRange(Directory.GetFiles(_directory).Sum(static file => new FileInfo(file).Length), FlightRecorderOptions.MinBytes / 2, FlightRecorderOptions.MinBytes * 5 / 4);
        Evidence[] seen = [.. FlightRecorder.Read(_directory)];
        Assert.Equal(59, seen[^1].Wall.Microseconds);
        Assert.True(seen[0].Wall.Microseconds > 10);
    }

    [Fact]
    public async Task What_cannot_be_taken_or_written_is_counted_and_nobody_waits()
    {
        await using var recorder = Recorder();
        for (int i = 0; i < FlightRecorder.QueueLength + 10; i++) recorder.Record(Sample(History.Id));
        Assert.True(recorder.Dropped >= 10 || FlightRecorder.Read(_directory).Any());
        File.WriteAllText(_directory + "-file", "");
        var broken = new FlightRecorder(new(_directory + "-file/recorder", "gw-a", FlightRecorderOptions.MinBytes, static () => default), static () => []);
        broken.Record(Sample(History.Id));
        await broken.FlushAsync();
        Assert.Equal(1, broken.Dropped);
        await broken.DisposeAsync();
    }

    [Fact]
    public async Task REQ_TELEMETRY_3_what_is_wrong_is_told_and_nothing_where_nothing_is()
    {
        File.WriteAllText(_directory, "");
        await using var recorder = Recorder();
        Assert.Null(recorder.Warning);
        recorder.Record(Sample(History.Id));
        await recorder.FlushAsync();
        Assert.StartsWith($"the flight recorder cannot write in {_directory}: ", recorder.Warning, StringComparison.Ordinal);
        Assert.EndsWith("records lost: 1", recorder.Warning, StringComparison.Ordinal);

        // The disk takes it again: that something is missing stays to be known.
        File.Delete(_directory);
        recorder.Record(Sample(History.Id));
        await recorder.FlushAsync();
        Assert.Equal("records that the flight recorder could not take: 1", recorder.Warning);
        Assert.Equal(1, Assert.Single(FlightRecorder.Read(_directory).OfType<Evidence.Dropped>()).Count);
    }

    [PrivilegedFact]
    public async Task REQ_TELEMETRY_3_a_disk_that_is_full_costs_no_evidence_that_is_there()
    {
        Directory.CreateDirectory(_directory);
        LabCommand.Run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", _directory]);
        try
        {
            await using (var recorder = Recorder()) recorder.Record(new Evidence.Link("gw-a", new(1), "wan1", "down"));
            File.WriteAllBytes(Path.Combine(_directory, "other"), new byte[(1 << 20) - 4096]);
            await using (var recorder = Recorder())
            {
                for (int i = 0; i < 20; i++)
                {
                    recorder.Record(Sample(History.Id));
                    await recorder.FlushAsync();
                }
                Assert.Contains("cannot write", recorder.Warning, StringComparison.Ordinal);
            }
            Assert.Single(FlightRecorder.Read(_directory).OfType<Evidence.Link>());
        }
        finally
        {
            LabCommand.Run("umount", [_directory]);
        }
    }

    [Fact]
    public async Task Paths_are_sampled_each_second_and_what_has_not_changed_is_not_repeated()
    {
        await using (var recorder = new FlightRecorder(new(_directory, "gw-a", FlightRecorderOptions.MinBytes, static () => default), static () => [Sample(History.Id)]))
        {
            await recorder.FlushAsync();
            await recorder.FlushAsync();
        }
        Assert.Single(FlightRecorder.Read(_directory));
    }

    private FlightRecorder Recorder(Func<WallTime>? wall = null, long bytes = FlightRecorderOptions.MinBytes) =>
        new(new(_directory, "gw-a", bytes, wall ?? (static () => default)), static () => []);

    private static Evidence.PathSample Sample(SessionId session) => new("gw-a", default, session, "203.0.113.9:4000", "Live", 1000, 0, true);

    private static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
