using System.Collections.Immutable;
using System.Text;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>From a node's own store and archive to a file that holds.</summary>
public sealed class IncidentExportTests : IAsyncLifetime, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;
    private readonly SessionPolicy _policy = SessionPolicy.Default with { RekeySpacing = TimeSpan.FromSeconds(10) };
    private SegmentArchive _archive = null!;
    private SqliteEventStore _store = null!;
    private HeadSigner _heads = null!;
    private Session _session = Session.Birth(History.Id);

    private string Audit => Path.Combine(_directory, "audit");

    private string Database => Path.Combine(_directory, "events.db");

    private static WallTime Wall => new(1_790_000_200_000_000);

    public async Task InitializeAsync()
    {
        _archive = (SegmentArchive)SegmentArchive.Open(SegmentArchiveOptions.Default(Audit, "gw-a", () => Wall) with { Signer = Incidents.GwA });
        _store = (SqliteEventStore)SqliteEventStore.Open(new(Database, "gw-a", StorePolicy.Default with { MaxLiveEvents = 8 }, _archive, () => Wall));
        _heads = new(Audit, "gw-a", Incidents.GwA, () => Wall, static problem => throw new InvalidOperationException(problem));
        Assert.Null(await _store.ListAsync(new("gw-a", Incidents.GwA.Key), new(SessionJson.HashOf(_policy), SessionJson.Of(_policy)), Wall));
        await Append(new SessionCommand.Establish(History.At(0), History.GwA, History.Client, "laptop", AddressSet.Empty, History.Instance, History.Wan(1), SessionJson.HashOf(_policy)));
    }

    public async Task DisposeAsync()
    {
        await _heads.DisposeAsync();
        await _store.DisposeAsync();
        _archive.Dispose();
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_live_session_that_was_compacted_many_times_is_whole()
    {
        await Rekey(30);
        Assert.NotEmpty(SegmentReader.Lines(Audit).OfType<SegmentLine.Signed>());
        await _heads.SignAsync();
        IncidentSummary summary = Incidents.Holds(await Export(), Incidents.Trusted);
        Assert.Equal(31, summary.Events);
        Assert.Equal(31, summary.LastVersion);
        Assert.True(summary.Snapshots >= 3);
        Assert.Empty(summary.Gaps);
        Assert.True(summary.Keys.Single().Signatures >= 4, "the heads that were archived are signed");
    }

    [Fact]
    public async Task What_another_node_has_archived_is_bridged_by_a_signed_snapshot_and_said()
    {
        await Rekey(30);
        foreach (string segment in Directory.EnumerateFiles(Audit, "events-*.jsonl")) File.Delete(segment);
        IncidentSummary summary = Incidents.Holds(await Export(), Incidents.Trusted);
        IncidentRecord.Gap gap = Assert.Single(summary.Gaps);
        Assert.Equal(1, gap.From);
        Assert.Equal(31, summary.LastVersion);
        Assert.Equal(31 - gap.To, summary.Events);
    }

    [Fact]
    public async Task A_session_that_ended_and_left_the_store_is_exported_from_the_archive()
    {
        await Rekey(3);
        await Append(new SessionCommand.Terminate(History.At(1000), History.GwA, Option<Owner>.None, ReasonCode.Explicit));
        Assert.Equal(1, (await _store.RetireAsync(History.At(100_000))).Sessions);
        Assert.IsType<LoadResult.Missing>(await _store.LoadAsync(History.Id));
        Assert.Equal(5, Incidents.Holds(await Export(), Incidents.Trusted).Events);
    }

    [Fact]
    public async Task The_files_of_a_node_that_does_not_run_are_enough()
    {
        await Rekey(20);
        Assert.Contains("is in use by", SqliteEventStore.ReadAlone(Database, History.Id).Match(Right: static _ => "", Left: static problem => problem), StringComparison.Ordinal);
        await _heads.DisposeAsync();
        await _store.DisposeAsync();
        (ImmutableArray<EventEnvelope> stream, AuditListing listing) = SqliteEventStore.ReadAlone(Database, History.Id)
            .Match(Right: static read => read, Left: static problem => throw new InvalidOperationException(problem));
        Assert.Equal(21, Incidents.Holds(Write(stream, listing), Incidents.Trusted).Events);
        Assert.StartsWith($"{Database}x: no such file", SqliteEventStore.ReadAlone(Database + "x", History.Id).Match(Right: static _ => "", Left: static problem => problem), StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_that_was_changed_in_the_archive_is_found_by_the_nodes_own_signature()
    {
        await Rekey(30);
        byte[] before = await Export();
        List<string> lines = Incidents.Lines(before);
        // Somebody who holds the exporter's file, not its key, takes the end away: the signed head is there no more.
        int last = lines.FindLastIndex(static line => line.StartsWith("{\"alias\"", StringComparison.Ordinal));
        List<string> shorter = [.. lines[..last], .. lines[(last + 1)..]];
        Assert.True(Incidents.Check(Incidents.Frame(shorter, null), Incidents.Trusted).IsLeft);
        // Somebody who holds even that key meets the signature over the head that was taken away.
        Assert.Contains("has signed another event", Incidents.Fault(Incidents.Frame(shorter, Incidents.GwA), Incidents.Trusted), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_exports_what_is_not_there()
    {
        using var output = new MemoryStream();
        AuditListing listing = await Listing();
        string? problem = IncidentExport.Write(
            new(Incidents.Header() with { Session = new(77) }, Incidents.GwA, listing, [], Audit, []), output);
        Assert.EndsWith("neither the store nor the archive of this node has it", problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_of_the_first_version_gets_the_tables_that_it_lacks()
    {
        await _heads.DisposeAsync();
        await _store.DisposeAsync();
        using (SqliteDatabase database = SqliteDatabase.Open(Database))
            database.Execute("DROP TABLE jv_audit_keys; DROP TABLE jv_policies; PRAGMA user_version = 1;");
        _store = (SqliteEventStore)SqliteEventStore.Open(new(Database, "gw-a", StorePolicy.Default, _archive, () => Wall));
        Assert.Empty((await Listing()).Keys);
        Assert.Null(await _store.ListAsync(new("gw-a", Incidents.GwA.Key), new(SessionJson.HashOf(_policy), SessionJson.Of(_policy)), Wall));
        Assert.Single((await Listing()).Keys);
        Assert.IsType<LoadResult.Found>(await _store.LoadAsync(History.Id));
    }

    private async Task Rekey(int times)
    {
        for (int i = 1; i <= times; i++)
            await Append(new SessionCommand.Reattach(
                History.At(20 * i), History.GwA, new(ReattachKind.Rekey, _session.LastNonce + 1, _session.BindingVersion, History.Wan(1), History.Instance)));
    }

    /// <summary>As a running node's pump does it.</summary>
    private async Task Append(SessionCommand command)
    {
        var events = (Seq<SessionEvent>)SessionDecider.Decide(_session, command, _policy);
        var after = (Session)SessionDecider.Replay(_session, events);
        var append = new GatewayEffect.Append((long)after.Version, [new(_session, command, events, after, SessionJson.HashOf(_policy))]);
        var done = new TaskCompletionSource();
        var pump = new StorePump(_store, static () => History.GwA, () => after.UpdatedAt, static () => Wall, _ => done.TrySetResult(), static problem => throw new InvalidOperationException(problem), _heads.Moved);
        pump.Start(append);
        await done.Task;
        while (pump.Running > 0) await Task.Delay(1);
        _session = after;
    }

    private async Task<AuditListing> Listing() => (AuditListing)await _store.ListedAsync();

    private async Task<byte[]> Export() => Write(((LoadResult.Found?)(await _store.LoadAsync(History.Id) as LoadResult.Found))?.History.Envelopes ?? [], await Listing());

    private byte[] Write(ImmutableArray<EventEnvelope> live, AuditListing listing)
    {
        using var output = new MemoryStream();
        Assert.Null(IncidentExport.Write(new(Incidents.Header(), Incidents.GwA, listing, live, Audit, Incidents.Seen("gw-a")), output));
        return output.ToArray();
    }
}
