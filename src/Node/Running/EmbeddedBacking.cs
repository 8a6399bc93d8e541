using System.Collections.Immutable;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Running;

/// <summary>One node on its embedded store: it owns every session from the start, and the configuration says who may connect.</summary>
internal sealed class EmbeddedBacking : GatewayBacking
{
    private EmbeddedBacking(
        SqliteEventStore store, SegmentArchive archive, string node, ImmutableArray<Session> sessions, ClientRegistry registry, string place)
    {
        Store = store;
        Archive = archive;
        Self = new(node, store.Opening.Incarnation);
        Clock = new(store.Opening.ServiceTime, BootClock.Now);
        Sessions = sessions;
        Registry = registry;
        Place = $"{sessions.Length} sessions in {place}";
    }

    public override IEventStore Store { get; }

    public override SegmentArchive Archive { get; }

    public override Owner Self { get; }

    public override ServiceClock Clock { get; }

    public override ClientRegistry Registry { get; }

    public override ImmutableArray<Session> Sessions { get; }

    public override string Place { get; }

    public static async Task<GatewayBacking> OpenAsync(GatewayConfiguration configuration, string file, SodiumCryptography crypto, IAuditSigner signer)
    {
        ClientRegistry registry = ReadRegistry(configuration, crypto);
        SegmentArchive archive = OpenArchive(configuration, signer);
        var options = new SqliteStoreOptions(file, configuration.Node, configuration.StorePolicy, archive, WallClock.Now);
        SqliteEventStore store = SqliteEventStore.Open(options).IfLeft(problem => throw Refusal.Work(problem));
        try
        {
            return new EmbeddedBacking(store, archive, configuration.Node, await RestoreAsync(store, file).ConfigureAwait(false), registry, file);
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public override ValueTask DisposeAsync() => Store.DisposeAsync();

    /// <summary>Every live session of the store. One that cannot be trusted stops the start: it is never served and never dropped in silence.</summary>
    private static async Task<ImmutableArray<Session>> RestoreAsync(SqliteEventStore store, string file)
    {
        ImmutableArray<LoadResult> loaded = (await store.LoadAllLiveAsync().ConfigureAwait(false)).IfLeft(problem => throw Refusal.Work(problem));
        return
        [
            .. loaded.Select(result => result switch
            {
                LoadResult.Found found => SessionRecords.Restore(found.History).IfLeft(problem => throw Refusal.Work($"{file}: {problem}")),
                LoadResult.Corrupt corrupt => throw Refusal.Work($"{file}: {corrupt.Reason}"),
                _ => throw Refusal.Work($"{file}: {result}"),
            }),
        ];
    }

    private static ClientRegistry ReadRegistry(GatewayConfiguration configuration, SodiumCryptography crypto) => ClientRegistry.From(configuration.Clients.Select(client =>
    {
        if (!AddressSet.TryCreate(client.Addresses, out AddressSet addresses))
            throw Refusal.Configuration($"{configuration.File}: client {client.Name} has more than {SessionLimits.MaxAddresses} addresses");
        SecretHandle psk = client.PresharedKeyFile is { } file ? NodeSecrets.ReadKey(crypto, file) : SecretHandle.None;
        return new RegisteredClient(client.Name, client.PublicKey, addresses, psk);
    }));
}
