using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Audit;

public class HashChainTests
{
    private static readonly ImmutableArray<EventEnvelope> Chain = Chains.Of(Chains.Session, 6);

    private static string Verify(IEnumerable<EventEnvelope> envelopes) =>
        HashChain.Verify(Chains.Session, envelopes).Match(Right: static head => $"whole {head.Version}", Left: static fault => $"{fault.Kind} {fault.Version}");

    [Fact]
    public void A_whole_chain_verifies_to_its_head()
    {
        Assert.Equal("whole 6", Verify(Chain));
        Assert.Equal(HashChain.After(Chain[^1]), (ChainHead)HashChain.Verify(Chains.Session, Chain));
        Assert.Equal(HashChain.Start(Chains.Session), (ChainHead)HashChain.Verify(Chains.Session, []));
    }

    [Fact]
    public void A_changed_member_is_caught_whichever_it_is()
    {
        EventEnvelope third = Chain[2];
        EventDraft draft = third.Draft;
        EventEnvelope[] forgeries =
        [
            third with { Draft = draft with { Alias = "keys_rotated" } },
            third with { Draft = draft with { Time = draft.Time + TimeSpan.FromTicks(1) } },
            third with { Draft = draft with { Wall = new WallTime(1) } },
            third with { Draft = draft with { Reason = "EXPLICIT" } },
            third with { Draft = draft with { Cause = CanonicalJson.Null } },
            third with { Draft = draft with { PolicyHash = default } },
            third with { Draft = draft with { Node = "gw-b" } },
            third with { Draft = draft with { Incarnation = default } },
            third with { Draft = draft with { OwnershipEpoch = 2 } },
            third with { Draft = draft with { Data = CanonicalJson.Null } },
            third with { Previous = default },
            third with { Hash = default },
        ];
        foreach (EventEnvelope forgery in forgeries) Assert.Equal("Altered 3", Verify(Chain.SetItem(2, forgery)));
    }

    [Fact]
    public void A_resealed_forgery_breaks_the_link_of_the_next_event()
    {
        EventEnvelope forged = HashChain.Seal(HashChain.After(Chain[1]), Chains.Draft(99));
        Assert.Equal("Unlinked 4", Verify(Chain.SetItem(2, forged)));
    }

    [Fact]
    public void A_dropped_event_is_named_by_what_follows_it()
    {
        Assert.Equal("Gap 4", Verify(Chain.RemoveAt(2)));
        Assert.Equal("Gap 2", Verify(Chain.RemoveAt(0)));
    }

    [Fact]
    public void Exchanged_events_are_caught() => Assert.Equal("Gap 4", Verify([.. Chain[..2], Chain[3], Chain[2], .. Chain[4..]]));

    [Fact]
    public void A_repeated_event_is_caught() => Assert.Equal("Repeated 3", Verify(Chain.Insert(3, Chain[2])));

    [Fact]
    public void An_event_of_another_stream_is_caught() =>
        Assert.Equal("Foreign 3", Verify(Chain.SetItem(2, Chains.Of(new SessionId(42), 3)[2])));

    [Fact]
    public void Streams_do_not_share_a_genesis() => Assert.NotEqual(HashChain.Genesis(Chains.Session), HashChain.Genesis(new SessionId(42)));

    [Fact]
    public void The_chain_goes_on_behind_a_snapshot()
    {
        Assert.Equal("whole 6", Verify(Chains.Compacted(Chain, 4)));
        Assert.Equal("whole 6", Verify(Chains.Compacted(Chain, 6)));
        Assert.Equal(HashChain.After(Chain[^1]), (ChainHead)HashChain.Verify(Chains.Session, Chains.Compacted(Chain, 6)));
    }

    [Fact]
    public void A_snapshot_that_was_changed_or_names_another_head_is_caught()
    {
        ImmutableArray<EventEnvelope> compacted = Chains.Compacted(Chain, 4);
        Assert.Equal("Altered 4", Verify(compacted.SetItem(0, compacted[0] with { Draft = compacted[0].Draft with { Data = CanonicalJson.Null } })));
        EventEnvelope other = HashChain.SealSnapshot(HashChain.After(Chain[3]) with { Hash = default }, Chains.SnapshotDraft(4));
        Assert.Equal("Unlinked 5", Verify(compacted.SetItem(0, other)));
    }

    [Fact]
    public void An_archive_that_holds_events_and_snapshots_verifies_as_one_chain()
    {
        EventEnvelope snapshot = Chains.Compacted(Chain, 4)[0];
        Assert.Equal("whole 6", Verify([.. Chain[..4], snapshot, .. Chain[4..]]));
        Assert.Equal("Repeated 4", Verify([.. Chain[..5], snapshot, Chain[5]]));
    }

    [Fact]
    public void A_tail_verifies_from_a_known_head()
    {
        Assert.True(HashChain.VerifyFrom(HashChain.After(Chain[2]), Chain[3..]).IsRight);
        Assert.True(HashChain.VerifyFrom(HashChain.After(Chain[2]), Chain[4..]).IsLeft);
    }

    [Fact]
    public void A_snapshot_is_not_appended_and_an_event_replaces_nothing()
    {
        Assert.Throws<ArgumentException>(() => HashChain.Seal(HashChain.Start(Chains.Session), Chains.SnapshotDraft(1)));
        Assert.Throws<ArgumentException>(() => HashChain.SealSnapshot(HashChain.After(Chain[0]), Chains.Draft(1)));
        Assert.Throws<ArgumentException>(() => HashChain.SealSnapshot(HashChain.Start(Chains.Session), Chains.SnapshotDraft(1)));
    }

    [Theory]
    [InlineData("Session", "HANDSHAKE_OK", "gw-a")]
    [InlineData("", "HANDSHAKE_OK", "gw-a")]
    [InlineData("session_established", "handshake_ok", "gw-a")]
    [InlineData("session_established", "HANDSHAKE_OK", "")]
    public void A_malformed_name_is_never_sealed(string alias, string reason, string node) =>
        Assert.Throws<ArgumentException>(() => HashChain.Seal(HashChain.Start(Chains.Session), Chains.Draft(1, alias, reason) with { Node = node }));
}
