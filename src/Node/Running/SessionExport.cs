using System.Collections.Immutable;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Telemetry.Recorder;
using JumpingVpn.Node.Cli;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;
using LanguageExt;

namespace JumpingVpn.Node.Running;

/// <summary>Exports one session's incident file, from a running node or from the files of one that does not run.</summary>
internal static class SessionExport
{
    /// <summary>The flight recorder's directory within the audit directory.</summary>
    public static string RecorderDirectory(AuditConfiguration audit) => Path.Combine(audit.Directory, "recorder");

    /// <summary>From a running gateway's store. Null when it is written, otherwise why not.</summary>
    public static async Task<string?> FromGatewayAsync(GatewayConfiguration configuration, IEventStore store, IAuditSigner signer, IncidentOrigin origin, SessionId session, Stream output)
    {
        LoadResult loaded = await store.LoadAsync(session).ConfigureAwait(false);
        ImmutableArray<EventEnvelope> live = [];
        switch (loaded)
        {
            case LoadResult.Found found:
                live = found.History.Envelopes;
                break;
            case LoadResult.Missing:
                break;
            case LoadResult.Corrupt corrupt:
                return corrupt.Reason;
            case LoadResult.Unavailable unavailable:
                return unavailable.Reason;
        }
        AuditListing listing = AuditListing.Empty;
        if (store is IAuditStore audited)
        {
            Either<string, AuditListing> read = await audited.ListedAsync().ConfigureAwait(false);
            if (read.IsLeft) return read.Match(static _ => "", static problem => problem);
            listing = (AuditListing)read;
        }
        return Write(configuration, signer, listing, live, origin, session, output);
    }

    /// <summary>From a running client's recorder.</summary>
    public static string? FromClient(ClientConfiguration configuration, IAuditSigner signer, IncidentOrigin origin, SessionId session, Stream output) =>
        Write(configuration, signer, AuditListing.Empty, [], origin, session, output);

    /// <summary>From the files that a configuration names, while the node does not run (on a shared database: while others may).</summary>
    public static async Task<string?> FromFilesAsync(NodeConfiguration configuration, SessionId session, Stream output)
    {
        if (AuditKeyFile.TryLoad(configuration.Audit.Directory, out Infrastructure.Crypto.AuditSigner? signer) is { } problem) return problem;
        using (signer)
        {
            switch (configuration)
            {
                case ClientConfiguration client:
                    return FromClient(client, signer!, IncidentOrigin.Files, session, output);
                case GatewayConfiguration { Store: StoreConfiguration.Sqlite sqlite } gateway:
                    return SqliteEventStore.ReadAlone(sqlite.File, session).MatchUnsafe<string?>(
                        Right: read => Write(gateway, signer!, read.Listing, read.Stream, IncidentOrigin.Files, session, output), Left: static reason => reason);
                case GatewayConfiguration gateway:
                    return await FromDatabaseAsync(gateway, signer!, session, output).ConfigureAwait(false);
                default:
                    throw new InvalidOperationException("a role that is none of the known ones");
            }
        }
    }

    private static async Task<string?> FromDatabaseAsync(GatewayConfiguration configuration, IAuditSigner signer, SessionId session, Stream output)
    {
        Either<string, IClusterStore> opened = await SharedStore.OpenForReadingAsync(configuration).ConfigureAwait(false);
        if (opened.IsLeft) return opened.Match(static _ => "", static problem => problem);
        var store = opened.Match(static found => found, static _ => throw new InvalidOperationException());
        try
        {
            return await FromGatewayAsync(configuration, store, signer, IncidentOrigin.Files, session, output).ConfigureAwait(false);
        }
        finally
        {
            await store.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static string? Write(
        NodeConfiguration configuration, IAuditSigner signer, AuditListing listing, ImmutableArray<EventEnvelope> live, IncidentOrigin origin, SessionId session, Stream output)
    {
        bool isGateway = configuration is GatewayConfiguration;
        var header = new IncidentRecord.Header(
            CommandLine.Version(), session, isGateway ? IncidentRole.Gateway : IncidentRole.Client, origin, configuration.Node, WallClock.Now());
        return IncidentExport.Write(
            new(header, signer, listing, live, isGateway ? configuration.Audit.Directory : null, FlightRecorder.Read(RecorderDirectory(configuration.Audit), session)), output);
    }
}
