using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Tests.Shell;
using JumpingVpn.Node.Running;

namespace JumpingVpn.Node.Tests.Running;

/// <summary>Sessions that nobody serves are shown to the core, a batch at a time, while this node holds a lease.</summary>
public sealed class OrphanSweepTests : IAsyncDisposable
{
    private static readonly IncarnationId Gone = new(9);

    private readonly ScriptedClusterStore store = new();
    private readonly List<GatewayInput> posted = [];
    private readonly List<SessionId> asked = [];
    private readonly List<string> said = [];
    private readonly OrphanSweep sweep;
    private bool serves = true;
    private int orphans;

    public OrphanSweepTests()
    {
        store.OnOrphans = (gone, after) =>
        {
            Assert.Equal(Gone, Assert.Single(gone));
            asked.Add(after);
            ulong first = (ulong)after.Value + 1;
            return [.. Enumerable.Range(0, OrphanSweep.Batch).Select(i => new SessionId(first + (ulong)i)).Where(id => (int)id.Value <= orphans)];
        };
        sweep = new(store, () => Instant.Zero, () => serves, () => [Gone], posted.Add, said.Add);
    }

    public ValueTask DisposeAsync() => sweep.DisposeAsync();

    [Fact]
    public async Task Batch_by_batch_and_then_from_the_beginning()
    {
        orphans = OrphanSweep.Batch + 10;
        for (int i = 0; i < 3; i++) await sweep.SweepAsync();
        Assert.Equal([OrphanSweep.Batch, 10, OrphanSweep.Batch], posted.Cast<GatewayInput.SessionsOrphaned>().Select(input => input.Sessions.Length));
        Assert.Equal([default, new SessionId(OrphanSweep.Batch), default], asked);
    }

    [Fact]
    public async Task A_look_that_fails_is_said_and_is_not_the_last_one()
    {
        var works = store.OnOrphans;
        store.OnOrphans = (_, _) => throw new InvalidDataException("a row that is none");
        await sweep.LookAsync();
        store.OnOrphans = works;
        orphans = 1;
        await sweep.LookAsync();
        Assert.Equal("sessions without an owner were not looked for: a row that is none", Assert.Single(said));
        Assert.Single(posted);
    }

    [Fact]
    public async Task None_is_shown_where_there_is_none_and_none_is_looked_for_without_a_lease()
    {
        await sweep.SweepAsync();
        Assert.Empty(posted);
        orphans = 5;
        serves = false;
        await sweep.SweepAsync();
        Assert.Empty(posted);
        Assert.Single(asked);
    }
}
