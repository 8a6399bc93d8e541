using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What the embedded store keeps for auditors, and how it is read while no node runs.</summary>
public sealed partial class SqliteEventStore
{
    public async ValueTask<string?> ListAsync(IncidentRecord.NodeKey key, IncidentRecord.Policy policy, WallTime wall) =>
        await Run<string?>(
            isWrite: true,
            tables =>
            {
                tables.List(key, policy, wall);
                return (null, 0);
            },
            static lost => lost.Reason).ConfigureAwait(false);

    public async ValueTask<Either<string, AuditListing>> ListedAsync() =>
        await Run<Either<string, AuditListing>>(isWrite: false, static tables => (tables.Listed(), 0), static lost => lost.Reason).ConfigureAwait(false);

    /// <summary>
    /// Reads one stream, and what is kept for auditors, of a store that no node has open; no incarnation is entered. The stream is empty
    /// where the store does not have it. Left, in one line that names the file, if a node uses it or it cannot be read.
    /// </summary>
    public static Either<string, (ImmutableArray<EventEnvelope> Stream, AuditListing Listing)> ReadAlone(string path, SessionId stream)
    {
        if (!File.Exists(path)) return $"{path}: no such file";
        return StoreLock.Acquire(path).Bind(held =>
        {
            using (held)
            {
                return SqliteFile.Open(path).Bind(database =>
                {
                    using (database)
                    {
                        using var tables = new SqliteTables(database);
                        return Read(path, tables, stream);
                    }
                });
            }
        });
    }

    private static Either<string, (ImmutableArray<EventEnvelope> Stream, AuditListing Listing)> Read(string path, SqliteTables tables, SessionId stream)
    {
        try
        {
            AuditListing listing = tables.Listed();
            if (tables.Stream(stream) is not { } row) return (ImmutableArray<EventEnvelope>.Empty, listing);
            return tables.Texts(row).Check() switch
            {
                LoadResult.Found found => (found.History.Envelopes, listing),
                LoadResult.Corrupt corrupt => $"{path}: {corrupt.Reason}",
                LoadResult other => $"{path}: {other}",
            };
        }
        catch (Exception e) when (e is SqliteException or InvalidDataException)
        {
            return $"{path}: {e.Message}";
        }
    }
}
