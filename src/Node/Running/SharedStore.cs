using System.Data.Common;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;
using LanguageExt;

namespace JumpingVpn.Node.Running;

/// <summary>
/// Opens the database that several nodes share. Nothing else in the process names its adapter: who has no such database never loads the
/// driver.
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

    /// <summary>For a tool that only reads. After a failover it works before there is a standby again.</summary>
    public static Task<Either<string, IClusterStore>> OpenForReadingAsync(GatewayConfiguration configuration) =>
        OpenAsync(configuration, (StoreConfiguration.Postgres)configuration.Store, new InMemoryAuditArchive(), "", null, null, storesNothing: true);

    private static async Task<Either<string, IClusterStore>> OpenAsync(
        GatewayConfiguration configuration, StoreConfiguration.Postgres store, IAuditArchive archive, string place, ClusterSettings? settings, Action<ClusterNotice>? notice,
        bool storesNothing = false)
    {
        string connection = store.Connection;
        if (store.PasswordFile is { } file)
        {
            if (PasswordFile.TryRead(file, out string password) is { } problem) return problem;
            connection = new DbConnectionStringBuilder { ConnectionString = connection, ["Password"] = password }.ConnectionString;
        }
        var options = new PostgresStoreOptions(
            connection, new NodeIdentity(configuration.Node, place, Environment.MachineName), configuration.StorePolicy, archive, WallClock.Now)
        {
            Schema = store.Schema,
            Settings = settings,
            Notice = notice,
            StoresNothing = storesNothing,
        };
        return (await PostgresEventStore.OpenAsync(options).ConfigureAwait(false)).Map(opened => (IClusterStore)opened);
    }
}
