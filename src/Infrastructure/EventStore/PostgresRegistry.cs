using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The registry of clients. It needs no incarnation: a tool on the command line changes it too.</summary>
internal sealed class PostgresRegistry(PostgresDatabase database, PostgresReader reads)
{
    private const string Lock = "SELECT pg_advisory_xact_lock(hashtextextended('jumping-vpn registry ' || $1, 0))";

    private const string Read =
        "SELECT s.registry_revision, r.name, r.public_key, r.addresses FROM jv_store s LEFT JOIN jv_registry r ON true";

    private const string Insert = "INSERT INTO jv_registry (name, public_key, addresses) VALUES ($1, $2, $3)";

    private const string Delete = "DELETE FROM jv_registry WHERE name = $1";

    private const string Raise = "UPDATE jv_store SET registry_revision = registry_revision + 1";

    private const string Notify = "SELECT pg_notify($1, $2)";

    public async Task<Either<string, StoredRegistry>> LoadAsync()
    {
        Either<string, ImmutableArray<(long Revision, RegistryEntry? Client)>> read = await reads.ReadAsync(Row, Read).ConfigureAwait(false);
        return read.Bind<StoredRegistry>(rows => rows.IsEmpty
            ? $"{database.Name}: the store's own row is missing"
            : new StoredRegistry(rows[0].Revision, InOrder(rows)));
    }

    public Task<string?> AddAsync(RegistryEntry client) => ChangeAsync(
        clients => RegistryRules.WrongWith(client, clients),
        batch => batch.With(Insert, client.Name, client.Key.ToString(), client.Addresses.ToString()));

    public Task<string?> RemoveAsync(string name) => ChangeAsync(
        clients => clients.Any(client => client.Name == name) ? null : RegistryRules.NoSuchClient(name),
        batch => batch.With(Delete, name));

    private async Task<string?> ChangeAsync(Func<ImmutableArray<RegistryEntry>, string?> problemOf, Action<NpgsqlBatch> change)
    {
        try
        {
            await using PostgresConnection connection = await PostgresConnection.OpenAsync(database).ConfigureAwait(false);
            await using (NpgsqlBatch begin = connection.Begin().With(Lock, database.Schema)) await begin.ExecuteNonQueryAsync().ConfigureAwait(false);
            ImmutableArray<(long Revision, RegistryEntry? Client)>.Builder rows = ImmutableArray.CreateBuilder<(long, RegistryEntry?)>();
            await using (NpgsqlBatch read = connection.Batch().With(Read))
            await using (NpgsqlDataReader reader = await read.ExecuteReaderAsync().ConfigureAwait(false))
                while (await reader.ReadAsync().ConfigureAwait(false)) rows.Add(Row(reader));
            if (problemOf(InOrder(rows.ToImmutable())) is { } problem)
            {
                await connection.RollbackAsync().ConfigureAwait(false);
                return problem;
            }
            await using NpgsqlBatch last = connection.Batch();
            change(last);
            // All nodes renew through the store's row: it is locked by the statement just before the commit, in one piece with that.
            last.With(Raise).With(Notify, PostgresChannels.OfAll(database.Schema), PostgresChannels.RegistryChanged);
            return await connection.CommitAsync(last).ConfigureAwait(false) switch
            {
                CommitFate.Stored => null,
                CommitFate.Unknown unknown => $"it is not known whether the change was stored: {unknown.Reason}",
                CommitFate.Refused refused => database.Describe(refused.Cause),
                _ => throw new InvalidOperationException("a commit's fate that is none of the known ones"),
            };
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e) || e is InvalidDataException)
        {
            return database.Describe(e);
        }
    }

    private static ImmutableArray<RegistryEntry> InOrder(ImmutableArray<(long Revision, RegistryEntry? Client)> rows) =>
        [.. rows.Select(static row => row.Client).OfType<RegistryEntry>().OrderBy(static client => client.Name, StringComparer.Ordinal)];

    private static (long Revision, RegistryEntry? Client) Row(NpgsqlDataReader reader)
    {
        long revision = reader.GetInt64(0);
        if (reader.TextOrNull(1) is not { } name) return (revision, null);
        var prefixes = new List<IpPrefix>();
        bool whole = PublicKey.TryParse(reader.GetString(2), out PublicKey key);
        foreach (string text in reader.GetString(3).Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            whole &= IpPrefix.TryParse(text, out IpPrefix prefix);
            prefixes.Add(prefix);
        }
        whole &= AddressSet.TryCreate(prefixes, out AddressSet addresses);
        return whole ? (revision, new(name, key, addresses)) : throw new InvalidDataException($"the row of client {name} in the registry is damaged");
    }
}
