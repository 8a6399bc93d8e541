using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

public sealed class SegmentArchiveTests : IDisposable
{
    private const long MicrosecondsPerDay = 86_400_000_000;

    private readonly StoreDirectory _directory = new();
    private long _wall = 1_790_000_000_000_000;

    private string Root => Path.Combine(_directory.Root, "audit");

    private string[] Names => [.. Directory.GetFiles(Root, "events-*").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];

    public void Dispose() => _directory.Dispose();

    private SegmentArchive Open(long quota = 1 << 30, long segment = 1 << 24, int days = 90) =>
        SegmentArchive.Open(new(Root, "gw-a", TimeSpan.FromDays(days), quota, segment, () => new WallTime(_wall)))
            .Match(Right: static archive => archive, Left: static reason => throw new InvalidOperationException(reason));

    private static ImmutableArray<EventEnvelope> Chain(int session, int count)
    {
        ChainHead head = HashChain.Start(Sessions.Id(session));
        var envelopes = new List<EventEnvelope>();
        for (int n = 1; n <= count; n++)
        {
            envelopes.Add(HashChain.Seal(head, Sessions.Draft(n)));
            head = HashChain.After(envelopes[^1]);
        }
        return [.. envelopes];
    }

    [Fact]
    public async Task What_was_appended_is_read_back_in_order_by_stream()
    {
        ImmutableArray<EventEnvelope> one = Chain(1, 5), two = Chain(2, 3);
        using (SegmentArchive archive = Open())
        {
            Assert.Null(await archive.AppendSegmentAsync(one[..3]));
            Assert.Null(await archive.AppendSegmentAsync(two));
        }
        using (SegmentArchive archive = Open()) Assert.Null(await archive.AppendSegmentAsync(one[3..]));
        Assert.Equal(["events-20260921-001.jsonl"], Names);
        Assert.Equal(one.AsEnumerable(), SegmentReader.Stream(Root, Sessions.Id(1)));
        Assert.Equal(two.AsEnumerable(), SegmentReader.Stream(Root, Sessions.Id(2)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Root, Names[0])));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Root));
    }

    [Fact]
    public async Task An_envelope_that_was_handed_over_twice_is_read_once()
    {
        ImmutableArray<EventEnvelope> chain = Chain(1, 4);
        using SegmentArchive archive = Open();
        await archive.AppendSegmentAsync(chain[..3]);
        await archive.AppendSegmentAsync(chain);
        Assert.Equal(7, SegmentReader.Lines(Root).Count());
        Assert.Equal(chain.AsEnumerable(), SegmentReader.Stream(Root, Sessions.Id(1)));
    }

    [Fact]
    public async Task A_compaction_that_a_crash_interrupted_and_another_up_to_a_lower_version_read_as_one_chain()
    {
        ImmutableArray<EventEnvelope> chain = Chain(1, 6);
        EventEnvelope snapshot = HashChain.SealSnapshot(HashChain.After(chain[2]), Sessions.SnapshotDraft(3));
        using SegmentArchive archive = Open();
        await archive.AppendSegmentAsync(chain[..4]);
        await archive.AppendSegmentAsync(chain[..3]);
        await archive.AppendSegmentAsync([snapshot, .. chain[3..]]);
        EventEnvelope[] read = [.. SegmentReader.Stream(Root, Sessions.Id(1))];
        Assert.Equal([.. chain[..3], snapshot, .. chain[3..]], read);
        Assert.True(HashChain.Verify(Sessions.Id(1), read).IsRight);
    }

    [Fact]
    public async Task A_line_that_a_crash_cut_off_is_reported_and_spoils_no_other()
    {
        ImmutableArray<EventEnvelope> chain = Chain(1, 4);
        using (SegmentArchive archive = Open()) await archive.AppendSegmentAsync(chain[..2]);
        string file = Path.Combine(Root, Names[0]);
        File.AppendAllText(file, chain[2].ToText()[..100]);
        using (SegmentArchive archive = Open()) await archive.AppendSegmentAsync(chain[2..]);
        Assert.Equal(chain.AsEnumerable(), SegmentReader.Stream(Root, Sessions.Id(1)));
        SegmentLine.Damaged damaged = Assert.Single(SegmentReader.Lines(Root).OfType<SegmentLine.Damaged>());
        Assert.Equal(3, damaged.Number);
    }

    [Fact]
    public async Task An_altered_line_is_reported_as_damaged()
    {
        using (SegmentArchive archive = Open()) await archive.AppendSegmentAsync(Chain(1, 3));
        string file = Path.Combine(Root, Names[0]);
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"nonce\":\"2\"", "\"nonce\":\"9\"", StringComparison.Ordinal));
        SegmentLine.Damaged damaged = Assert.Single(SegmentReader.Lines(Root).OfType<SegmentLine.Damaged>());
        Assert.Equal((2, "the content does not match its hash"), (damaged.Number, damaged.Reason));
    }

    [Fact]
    public async Task A_new_day_and_a_full_segment_begin_a_new_file_and_a_clock_set_back_does_not()
    {
        using SegmentArchive archive = Open(segment: 4_000);
        await archive.AppendSegmentAsync(Chain(1, 8));
        await archive.AppendSegmentAsync(Chain(2, 1));
        _wall += MicrosecondsPerDay;
        await archive.AppendSegmentAsync(Chain(3, 1));
        _wall -= 3 * MicrosecondsPerDay;
        await archive.AppendSegmentAsync(Chain(4, 1));
        Assert.Equal(["events-20260921-001.jsonl", "events-20260921-002.jsonl", "events-20260922-001.jsonl"], Names);
        Assert.Equal(11, SegmentReader.Lines(Root).Count());
    }

    [Fact]
    public async Task Segments_older_than_the_retention_go_without_a_note()
    {
        using SegmentArchive archive = Open(days: 10);
        await archive.AppendSegmentAsync(Chain(1, 1));
        _wall += 10 * MicrosecondsPerDay;
        await archive.AppendSegmentAsync(Chain(2, 1));
        Assert.Equal(2, Names.Length);
        _wall += MicrosecondsPerDay;
        await archive.AppendSegmentAsync(Chain(3, 1));
        Assert.Equal(["events-20261001-001.jsonl", "events-20261002-001.jsonl"], Names);
        Assert.Empty(SegmentReader.Lines(Root).OfType<SegmentLine.Note>());
    }

    [Fact]
    public async Task The_quota_wins_over_the_retention_and_leaves_a_note_of_the_gap()
    {
        using SegmentArchive archive = Open(quota: 20_000, segment: 5_000);
        for (int session = 1; session <= 12; session++) await archive.AppendSegmentAsync(Chain(session, 5));
        Assert.InRange(Directory.GetFiles(Root, "events-*").Sum(static file => new FileInfo(file).Length), 10_000, 21_000);
        string[] noted = [.. SegmentReader.Lines(Root).OfType<SegmentLine.Note>().Select(static note => note.Content.Segment)];
        Assert.NotEmpty(noted);
        Assert.Empty(noted.Intersect(Names));
        Assert.Empty(SegmentReader.Lines(Root).OfType<SegmentLine.Damaged>());
        Assert.Equal(5, SegmentReader.Stream(Root, Sessions.Id(12)).Count());
    }

    [Fact]
    public async Task What_cannot_be_deleted_is_named_until_it_can()
    {
        using SegmentArchive archive = Open(quota: 20_000, segment: 5_000);
        await archive.AppendSegmentAsync(Chain(1, 5));
        await archive.AppendSegmentAsync(Chain(2, 5));
        string first = Path.Combine(Root, Names[0]);
        File.Delete(first);
        Directory.CreateDirectory(first);
        for (int session = 3; session <= 12; session++) Assert.Null(await archive.AppendSegmentAsync(Chain(session, 5)));
        Assert.Contains(Root, archive.PruneFailure, StringComparison.Ordinal);
        Directory.Delete(first);
        Assert.Null(await archive.AppendSegmentAsync(Chain(13, 5)));
        Assert.Null(archive.PruneFailure);
    }

    [Fact]
    public void A_note_is_read_back_and_an_altered_one_is_not()
    {
        var note = new SegmentNote("gw-a", "events-20260921-001.jsonl", 12345, new WallTime(99));
        Assert.Equal(note, (SegmentNote)SegmentNote.Parse(note.ToText()));
        Assert.True(SegmentNote.Parse(note.ToText().Replace("12345", "12346", StringComparison.Ordinal)).IsLeft);
    }

    [Fact]
    public void A_second_node_on_the_same_archive_is_refused_and_told_who_holds_it()
    {
        using SegmentArchive archive = Open();
        string reason = (string)SegmentArchive.Open(SegmentArchiveOptions.Default(Root, "gw-b", static () => default));
        Assert.Contains(Root, reason, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_an_error_that_names_it()
    {
        string path = Path.Combine(_directory.Root, "file");
        File.WriteAllText(path, "");
        Assert.Contains(path, (string)SegmentArchive.Open(SegmentArchiveOptions.Default(path, "gw-a", static () => default)), StringComparison.Ordinal);
    }
}
