using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>The tables of <see cref="IAuditStore"/>.</summary>
internal sealed partial class SqliteTables
{
    private readonly SqliteStatement _listKey = new(
        database, "INSERT INTO jv_audit_keys VALUES (?1, ?2, ?3) ON CONFLICT (node, key) DO UPDATE SET listed = ?3");

    private readonly SqliteStatement _forgetKeys = new(
        database, "DELETE FROM jv_audit_keys WHERE (node, key) NOT IN (SELECT node, key FROM jv_audit_keys ORDER BY listed DESC, node, key LIMIT ?1)");

    private readonly SqliteStatement _keys = new(database, "SELECT node, key FROM jv_audit_keys ORDER BY node, key");

    private readonly SqliteStatement _keepPolicy = new(
        database, "INSERT INTO jv_policies VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO UPDATE SET used = ?3");

    private readonly SqliteStatement _forgetPolicies = new(
        database, "DELETE FROM jv_policies WHERE hash NOT IN (SELECT hash FROM jv_policies ORDER BY used DESC, hash LIMIT ?1)");

    private readonly SqliteStatement _policies = new(database, "SELECT hash, policy FROM jv_policies ORDER BY hash");

    /// <summary>Lists a key and a policy, and forgets the oldest above the bounds.</summary>
    public void List(IncidentRecord.NodeKey key, IncidentRecord.Policy policy, WallTime wall)
    {
        _listKey.Execute(key.Node, key.Key.ToString(), Columns.Of(wall));
        _forgetKeys.Execute(IAuditStore.MaxKeys);
        _keepPolicy.Execute(policy.Hash.ToString(), policy.Text.Text, Columns.Of(wall));
        _forgetPolicies.Execute(IAuditStore.MaxPolicies);
    }

    public AuditListing Listed()
    {
        ImmutableArray<IncidentRecord.NodeKey>.Builder keys = ImmutableArray.CreateBuilder<IncidentRecord.NodeKey>();
        using (SqliteRows rows = _keys.Read())
        {
            while (rows.Read())
            {
                if (!AuditKey.TryParse(rows.Text(1), out AuditKey key)) throw new InvalidDataException($"the row of {rows.Text(0)}'s audit key is damaged");
                keys.Add(new(rows.Text(0), key));
            }
        }
        ImmutableArray<IncidentRecord.Policy>.Builder policies = ImmutableArray.CreateBuilder<IncidentRecord.Policy>();
        using (SqliteRows rows = _policies.Read())
        {
            while (rows.Read())
            {
                if (!Hash256.TryParse(rows.Text(0), out Hash256 hash)) throw new InvalidDataException("the row of a policy is damaged");
                policies.Add(new(hash, CanonicalJson.Parse(rows.Text(1)).IfLeft(reason => throw new InvalidDataException($"policy {hash} is damaged: {reason}"))));
            }
        }
        return new(keys.ToImmutable(), policies.ToImmutable());
    }

    private void DisposeAudit()
    {
        ReadOnlySpan<SqliteStatement> all = [_listKey, _forgetKeys, _keys, _keepPolicy, _forgetPolicies, _policies];
        foreach (SqliteStatement statement in all) statement.Dispose();
    }
}
