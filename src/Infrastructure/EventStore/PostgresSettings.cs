using JumpingVpn.Domain.Ownership;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// What all nodes of a cluster must agree on: the cluster key and the times of leases. Takes place under the store's own lock.
/// </summary>
internal static class PostgresSettings
{
    private const string Read =
        """
        SELECT cluster_key, lease, margin, renewal_interval,
            (SELECT count(*) FROM jv_nodes WHERE NOT fenced AND NOT (node = $1 AND place = $2 AND place <> ''))
        FROM jv_store
        """;

    private const string Write = "UPDATE jv_store SET cluster_key = $1, lease = $2, margin = $3, renewal_interval = $4";

    /// <summary>
    /// Compares a node's settings with the store's. The first node writes them; a node that seals with another key than the stored one,
    /// but opens that too, puts its own in its place; times of leases change only while no other node is in. One line if they differ.
    /// </summary>
    /// <param name="write">Takes the statement that writes them, if they are to be written.</param>
    public static async Task<string?> AgreeAsync(
        PostgresConnection connection, ClusterSettings settings, NodeIdentity identity, Action<string, object[]> write)
    {
        await using NpgsqlBatch batch = connection.Batch().With(Read, identity.Node, identity.Place);
        string? key;
        LeaseTimes? times;
        long others;
        await using (NpgsqlDataReader reader = await batch.ExecuteReaderAsync().ConfigureAwait(false))
        {
            if (!await reader.ReadAsync().ConfigureAwait(false)) throw new InvalidDataException("the store's own row is missing");
            key = reader.TextOrNull(0);
            times = reader.IsDBNull(1) ? null : new(new(reader.GetInt64(1)), new(reader.GetInt64(2)), new(reader.GetInt64(3)));
            others = reader.GetInt64(4);
        }
        if (key is not null && !settings.KeyFingerprints.Contains(key))
            return $"the cluster key does not fit: the store's is {key}, this node has {string.Join(", ", settings.KeyFingerprints)}";
        if (times is not null && times != settings.Lease && others > 0)
            return $"the lease times differ: the cluster has {Words(times)}, this node {Words(settings.Lease)}; they change only while no node runs";
        LeaseTimes lease = settings.Lease;
        if (key != settings.KeyFingerprints[0] || times != lease)
            write(Write, [settings.KeyFingerprints[0], lease.Lease.Ticks, lease.Margin.Ticks, lease.Interval.Ticks]);
        return null;
    }

    private static string Words(LeaseTimes times) =>
        $"lease {times.Lease.TotalMilliseconds:0} ms, margin {times.Margin.TotalMilliseconds:0} ms, renewal every {times.Interval.TotalMilliseconds:0} ms";
}
