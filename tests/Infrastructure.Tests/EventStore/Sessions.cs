using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>Requests for the store's tests: sessions and clients by small numbers.</summary>
internal static class Sessions
{
    public static SessionId Id(int n) => new(new UInt128(0xabc0, (ulong)n));

    public static PublicKey Client(int n) => new(0, (UInt128)n);

    public static EventDraft Draft(int n, string alias = "transport_switched") => new(
        alias, Instant.FromMilliseconds(n), new WallTime(1_790_000_000_000_000 + n), "TRANSPORT_SWITCHED",
        CanonicalJson.From(JsonValue.Object(("command", JsonValue.Of("reattach")), ("nonce", JsonValue.OfInt64(n)))),
        new Hash256(1, 2), "gw-a", new IncarnationId(9), 1, CanonicalJson.From(JsonValue.Object(("remote", JsonValue.Of("192.0.2.1:51830")))));

    public static EventDraft SnapshotDraft(int n) => Snapshot.Draft(
        CanonicalJson.From(JsonValue.Object(("state", JsonValue.Of("Attached")))), Instant.FromMilliseconds(n), new WallTime(n), new Hash256(1, 2), "gw-a", new IncarnationId(9), 1);

    public static SessionSummary Summary(int client, bool ended = false) => new(
        Client(client), ended ? "Terminated" : "Attached", ended, ended ? Option<Owner>.None : new Owner("gw-a", new IncarnationId(9)), 1,
        Instant.Never, Instant.FromMilliseconds(86_400_000));

    /// <summary>Events at times expected+1, expected+2, ... milliseconds.</summary>
    public static StreamAppend Append(int session, long expected, int count = 1, int client = 0, bool end = false, int time = 0) => new(
        Id(session), expected, [.. Enumerable.Range(1, count).Select(i => Draft((int)(time == 0 ? expected + i : time)))],
        Summary(client == 0 ? session : client, end));

    public static AppendRequest One(int session, long expected, int count = 1, int client = 0, bool end = false, int time = 0) =>
        new(Append(session, expected, count, client, end, time));
}
