using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Audit;

/// <summary>Events for the tests of envelopes and chains.</summary>
internal static class Chains
{
    public static readonly SessionId Session = new(new UInt128(0x0123456789abcdef, 0xfedcba9876543210));

    public static EventDraft Draft(int n, string alias = "transport_switched", string reason = "TRANSPORT_SWITCHED") => new(
        alias, Instant.FromMilliseconds(1000 * n), new WallTime(1_790_000_000_000_000 + n), reason,
        CanonicalJson.From(JsonValue.Object(("command", JsonValue.Of("reattach")), ("nonce", JsonValue.OfInt64(n)))),
        new Hash256(1, 2), "gw-a", new IncarnationId(new UInt128(7, 9)), 1,
        CanonicalJson.From(JsonValue.Object(("remote", JsonValue.Of("192.0.2.1:51830")), ("uplink", JsonValue.Of("wan\u00e9 1")))));

    public static EventDraft SnapshotDraft(int n) => Snapshot.Draft(
        CanonicalJson.From(JsonValue.Object(("state", JsonValue.Of("Attached")))), Instant.FromMilliseconds(1000 * n), new WallTime(n), new Hash256(1, 2), "gw-a",
        new IncarnationId(5), 1);

    public static ImmutableArray<EventEnvelope> Of(SessionId session, int count)
    {
        ChainHead head = HashChain.Start(session);
        ImmutableArray<EventEnvelope>.Builder envelopes = ImmutableArray.CreateBuilder<EventEnvelope>(count);
        for (int n = 1; n <= count; n++)
        {
            envelopes.Add(HashChain.Seal(head, Draft(n)));
            head = HashChain.After(envelopes[^1]);
        }
        return envelopes.ToImmutable();
    }

    public static ImmutableArray<EventEnvelope> Compacted(ImmutableArray<EventEnvelope> chain, int upTo) =>
        [HashChain.SealSnapshot(HashChain.After(chain[upTo - 1]), SnapshotDraft(upTo)), .. chain.Skip(upTo)];
}
