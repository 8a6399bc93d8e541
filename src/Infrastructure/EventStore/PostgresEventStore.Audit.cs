using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>What a cluster's store keeps for auditors: the nodes' public keys, and the policies that events name.</summary>
public sealed partial class PostgresEventStore : IAuditStore
{
    private const string ListKey = "INSERT INTO jv_audit_keys VALUES ($1, $2, $3) ON CONFLICT (node, key) DO UPDATE SET listed = excluded.listed";

    private const string ForgetKeys =
        "DELETE FROM jv_audit_keys WHERE (node, key) NOT IN (SELECT node, key FROM jv_audit_keys ORDER BY listed DESC, node, key LIMIT $1)";

    private const string KeepPolicy = "INSERT INTO jv_policies VALUES ($1, $2, $3) ON CONFLICT (hash) DO UPDATE SET used = excluded.used";

    private const string ForgetPolicies = "DELETE FROM jv_policies WHERE hash NOT IN (SELECT hash FROM jv_policies ORDER BY used DESC, hash LIMIT $1)";

    public async ValueTask<string?> ListAsync(IncidentRecord.NodeKey key, IncidentRecord.Policy policy, WallTime wall)
    {
        try
        {
            await using PostgresConnection connection = await PostgresConnection.OpenAsync(_database).ConfigureAwait(false);
            await using NpgsqlBatch batch = connection.Begin()
                .With(ListKey, key.Node, key.Key.ToString(), Columns.Calendar(wall)).With(ForgetKeys, IAuditStore.MaxKeys)
                .With(KeepPolicy, policy.Hash.ToString(), policy.Text.Text, Columns.Calendar(wall)).With(ForgetPolicies, IAuditStore.MaxPolicies);
            return await connection.CommitAsync(batch).ConfigureAwait(false) switch
            {
                CommitFate.Stored => null,
                CommitFate.Unknown unknown => unknown.Reason,
                CommitFate.Refused refused => _database.Describe(refused.Cause),
                _ => throw new InvalidOperationException("a commit's fate that is none of the known ones"),
            };
        }
        catch (Exception e) when (PostgresDatabase.IsOutside(e))
        {
            return _database.Describe(e);
        }
    }

    public async ValueTask<Either<string, AuditListing>> ListedAsync()
    {
        Either<string, ImmutableArray<IncidentRecord.NodeKey>> keys = await _reader.ReadAsync(KeyRow, "SELECT node, key FROM jv_audit_keys").ConfigureAwait(false);
        Either<string, ImmutableArray<IncidentRecord.Policy>> policies = await _reader.ReadAsync(PolicyRow, "SELECT hash, policy FROM jv_policies").ConfigureAwait(false);
        return keys.Bind(listed => policies.Map(kept => new AuditListing(
            [.. listed.OrderBy(static key => key.Node, StringComparer.Ordinal).ThenBy(static key => key.Key)], [.. kept.OrderBy(static policy => policy.Hash)])));
    }

    private static IncidentRecord.NodeKey KeyRow(NpgsqlDataReader row) =>
        AuditKey.TryParse(row.GetString(1), out AuditKey key) ? new(row.GetString(0), key) : throw new InvalidDataException($"the row of {row.GetString(0)}'s audit key is damaged");

    private static IncidentRecord.Policy PolicyRow(NpgsqlDataReader row)
    {
        if (!Hash256.TryParse(row.GetString(0), out Hash256 hash)) throw new InvalidDataException("the row of a policy is damaged");
        return new(hash, CanonicalJson.Parse(row.GetString(1)).IfLeft(reason => throw new InvalidDataException($"policy {hash} is damaged: {reason}")));
    }
}
