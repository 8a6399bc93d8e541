using System.Collections.Immutable;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Node.Running;

/// <summary>
/// Opens the database that several nodes share. Only this class and those beside it that are used by nothing else name the driver: who
/// has no such database never loads it.
/// </summary>
internal static class SharedStore
{
    /// <summary>For a node, which enters afterwards.</summary>
    /// <param name="place">See <see cref="NodeIdentity"/>.</param>
    public static Task<Either<string, IClusterStore>> OpenAsync(
        GatewayConfiguration configuration, ClusterKeys keys, IAuditArchive archive, string place, Action<ClusterNotice> notice)
    {
        var store = (StoreConfiguration.Postgres)configuration.Store;
        var settings = new ClusterSettings([.. keys.All.Select(key => key.Id.ToString("x8", System.Globalization.CultureInfo.InvariantCulture))], store.Lease);
        return OpenAsync(configuration, store, archive, place, settings, notice);
    }

    /// <summary>For a tool that reads and changes the registry.</summary>
    public static Task<Either<string, IClusterStore>> OpenForToolAsync(GatewayConfiguration configuration) =>
        OpenAsync(configuration, (StoreConfiguration.Postgres)configuration.Store, new InMemoryAuditArchive(), "", null, null);

    private static async Task<Either<string, IClusterStore>> OpenAsync(
        GatewayConfiguration configuration, StoreConfiguration.Postgres store, IAuditArchive archive, string place, ClusterSettings? settings, Action<ClusterNotice>? notice)
    {
        string connection = store.Connection;
        if (store.PasswordFile is { } file)
        {
            if (PasswordFile.TryRead(file, out string password) is { } problem) return problem;
            connection = new NpgsqlConnectionStringBuilder(connection) { Password = password }.ConnectionString;
        }
        var options = new PostgresStoreOptions(
            connection, new NodeIdentity(configuration.Node, place, Environment.MachineName), configuration.StorePolicy, archive, WallClock.Now)
        {
            Schema = store.Schema,
            Settings = settings,
            Notice = notice,
        };
        return (await PostgresEventStore.OpenAsync(options).ConfigureAwait(false)).Map(opened => (IClusterStore)opened);
    }
}
