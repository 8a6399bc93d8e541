using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Enters a new incarnation into a store that has been opened.</summary>
internal static class SqliteOpening
{
    /// <summary>How many former openings the store remembers.</summary>
    private const int RememberedOpenings = 64;

    public static (StoreOpening Opening, long LiveEvents) Enter(SqliteDatabase database, string node, WallTime wall)
    {
        Span<byte> random = stackalloc byte[IncarnationId.Size];
        RandomNumberGenerator.Fill(random);
        IncarnationId incarnation = IncarnationId.Read(random);
        database.Execute("BEGIN IMMEDIATE");
        long number, ticks, live;
        using (var next = new SqliteStatement(database, "UPDATE jv_store SET openings = openings + 1 RETURNING openings, service_time"))
        using (SqliteRows reader = next.Read())
        {
            if (!reader.Read()) throw new InvalidDataException("the store's own row is missing");
            (number, ticks) = (reader.Int64(0), reader.Int64(1));
        }
        using (var insert = new SqliteStatement(database, "INSERT INTO jv_nodes VALUES (?1, ?2, ?3, ?4, ?5)"))
            insert.Execute(number, incarnation.ToString(), node, ticks, Columns.Of(wall));
        using (var forget = new SqliteStatement(database, "DELETE FROM jv_nodes WHERE number <= ?1"))
            forget.Execute(number - RememberedOpenings);
        live = CountLiveEvents(database);
        database.Execute("COMMIT");
        return (new(incarnation, number, new Instant(ticks)), live);
    }

    /// <summary>What is wrong with a file that was opened anew, or null: the latest incarnation in it must be the one that had it open before.</summary>
    public static string? Recognise(SqliteDatabase database, IncarnationId incarnation, out long liveEvents)
    {
        liveEvents = CountLiveEvents(database);
        using var latest = new SqliteStatement(database, "SELECT incarnation FROM jv_nodes ORDER BY number DESC LIMIT 1");
        using SqliteRows reader = latest.Read();
        return reader.Read() && reader.Text(0) == incarnation.ToString() ? null : "this is not the file that was open before";
    }

    private static long CountLiveEvents(SqliteDatabase database)
    {
        using var count = new SqliteStatement(database, "SELECT coalesce(sum(live_events), 0) FROM jv_sessions");
        using SqliteRows reader = count.Read();
        reader.Read();
        return reader.Int64(0);
    }
}
