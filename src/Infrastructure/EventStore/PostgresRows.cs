using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>A stream's row with what only an append needs to know of it.</summary>
/// <param name="WantedBy">The incarnation that has asked for the session.</param>
internal sealed record PostgresStream(StoredStream Row, IncarnationId? WantedBy);

/// <summary>From the tables' rows to the domain's. A row that cannot be read throws <see cref="InvalidDataException"/>.</summary>
internal static class PostgresRows
{
    /// <summary>What <see cref="Stream"/> reads.</summary>
    public const string StreamColumns =
        "s.id, s.version, s.is_archived, j.client, j.state, j.owner_node, j.owner_incarnation, j.ownership_epoch, j.recover_by, j.expires_at, "
        + "j.head, j.live_events, j.ended_at, j.wanted_by";

    /// <summary>The same streams' events, in one snapshot with their rows.</summary>
    public const string Texts = "ARRAY(SELECT e.data::text FROM mt_events e WHERE e.stream_id = s.id ORDER BY e.version)";

    public const string Joined = "FROM mt_streams s JOIN jv_sessions j ON j.stream_id = s.id";

    public const string NodeColumns = "incarnation, node, number, fenced";

    private const int TextsColumn = 14;

    public static PostgresStream Stream(NpgsqlDataReader reader)
    {
        string id = reader.GetString(0);
        Option<Owner> owner = default;
        bool whole = SessionId.TryParse(id, out SessionId stream);
        whole &= PublicKey.TryParse(reader.GetString(3), out PublicKey client);
        whole &= Hash256.TryParse(reader.GetString(10), out Hash256 head);
        whole &= !reader.IsDBNull(1);
        if (reader.TextOrNull(5) is { } node)
        {
            whole &= IncarnationId.TryParse(reader.TextOrNull(6), out IncarnationId incarnation);
            owner = new Owner(node, incarnation);
        }
        IncarnationId? wantedBy = null;
        if (reader.TextOrNull(13) is { } wanted)
        {
            whole &= IncarnationId.TryParse(wanted, out IncarnationId by);
            wantedBy = by;
        }
        if (!whole) throw new InvalidDataException($"the row of session {id} is damaged");
        if (reader.IsDBNull(2) || reader.GetBoolean(2)) throw new InvalidDataException($"another program has archived session {id}");
        Instant endedAt = Time(reader, 12);
        var summary = new SessionSummary(
            client, reader.GetString(4), endedAt != Instant.Never, owner, reader.GetInt64(7), Time(reader, 8), Time(reader, 9));
        return new(new(new ChainHead(stream, reader.GetInt64(1), head), reader.GetInt32(11), summary, endedAt), wantedBy);
    }

    /// <summary>A row of <see cref="StreamColumns"/> followed by <see cref="Texts"/>.</summary>
    public static StoredText Text(NpgsqlDataReader reader) =>
        new(Stream(reader).Row, [.. reader.GetFieldValue<string[]>(TextsColumn)]);

    /// <summary>Reads and checks a stream; one whose row is damaged is a result too.</summary>
    public static LoadResult Load(NpgsqlDataReader reader)
    {
        try
        {
            return Text(reader).Check();
        }
        catch (InvalidDataException e)
        {
            SessionId.TryParse(reader.GetString(0), out SessionId id);
            return new LoadResult.Corrupt(id, e.Message);
        }
    }

    public static StoredClient Client(NpgsqlDataReader reader)
    {
        string text = reader.GetString(0);
        return PublicKey.TryParse(text, out PublicKey key) && SessionId.TryParse(reader.GetString(1), out SessionId session)
            ? new(key, session, reader.GetInt64(2), reader.GetInt32(3), reader.GetInt32(4))
            : throw new InvalidDataException($"the row of client {text} is damaged");
    }

    /// <summary>Four columns from <paramref name="first"/> on, in the order of <see cref="NodeColumns"/>.</summary>
    public static NodeRow Node(NpgsqlDataReader reader, int first = 0)
    {
        string text = reader.GetString(first);
        return IncarnationId.TryParse(text, out IncarnationId incarnation)
            ? new(new(reader.GetString(first + 1), incarnation), reader.GetInt64(first + 2), reader.GetBoolean(first + 3))
            : throw new InvalidDataException($"the row of incarnation {text} is damaged");
    }

    public static ImmutableArray<SessionId> Sessions(IEnumerable<string> texts) =>
        [.. texts.Select(static text => SessionId.TryParse(text, out SessionId id) ? id : throw new InvalidDataException($"{text} is no session's id"))];

    private static Instant Time(NpgsqlDataReader reader, int column) => reader.Int64OrNull(column) is { } ticks ? new(ticks) : Instant.Never;
}
