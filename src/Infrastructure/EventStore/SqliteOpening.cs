using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;
using Microsoft.Data.Sqlite;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Enters a new incarnation into a store that has been opened.</summary>
internal static class SqliteOpening
{
    /// <summary>How many former openings the store remembers.</summary>
    private const int RememberedOpenings = 64;

    public static (StoreOpening Opening, long LiveEvents) Enter(SqliteConnection connection, string node, WallTime wall)
    {
        Span<byte> random = stackalloc byte[IncarnationId.Size];
        RandomNumberGenerator.Fill(random);
        IncarnationId incarnation = IncarnationId.Read(random);
        Run(connection, "BEGIN IMMEDIATE");
        long number, ticks, live;
        using (var next = new SqliteStatement(connection, "UPDATE jv_store SET openings = openings + 1 RETURNING openings, service_time"))
        using (SqliteDataReader reader = next.Read())
        {
            if (!reader.Read()) throw new InvalidDataException("the store's own row is missing");
            (number, ticks) = (reader.GetInt64(0), reader.GetInt64(1));
        }
        using (var insert = new SqliteStatement(connection, "INSERT INTO jv_nodes VALUES ($0, $1, $2, $3, $4)", 5))
            insert.Execute(number, incarnation.ToString(), node, ticks, Columns.Of(wall));
        using (var forget = new SqliteStatement(connection, "DELETE FROM jv_nodes WHERE number <= $0", 1))
            forget.Execute(number - RememberedOpenings);
        using (var count = new SqliteStatement(connection, "SELECT coalesce(sum(live_events), 0) FROM jv_sessions"))
        using (SqliteDataReader reader = count.Read())
        {
            reader.Read();
            live = reader.GetInt64(0);
        }
        Run(connection, "COMMIT");
        return (new(incarnation, number, new Instant(ticks)), live);
    }

    private static void Run(SqliteConnection connection, string sql)
    {
        using var statement = new SqliteStatement(connection, sql);
        statement.Execute();
    }
}
