using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Node.Cli;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Running;

/// <summary>Answers operators of a gateway out of the core's last state.</summary>
internal sealed class GatewayControl(GatewayNode node) : INodeControl
{
    public Task<NodeStatus> SnapshotAsync(CancellationToken cancellation)
    {
        GatewayState state = node.Shell.State;
        Infrastructure.EventStore.StoreStatus store = node.Backing.Store.Status;
        return Task.FromResult(new NodeStatus
        {
            Role = node.Configuration.Role,
            Node = node.Configuration.Node,
            Version = CommandLine.Version(),
            Sessions = [.. state.Sessions.Values.Where(IsOurs).Select(Describe)],
            Rejections = node.Log.Rejections.With(node.DataPlane),
            Store = new StoreStatus { Kind = store.Kind, Healthy = store.Healthy, LiveEvents = store.LiveEvents },
            Lease = node.Backing.Lease,
            Telemetry = new TelemetryStatus
            {
                Dropped = node.Telemetry.Dropped,
                RecorderDropped = node.Recorder.Dropped,
                Warnings = node.Telemetry.Warnings,
            },
        });
    }

    public async Task<TerminationOutcome> TerminateSessionAsync(SessionId session, CancellationToken cancellation)
    {
        // Where nodes share the store, the core looks there for what it does not hold.
        if (!IsShared && !node.Shell.State.Sessions.ContainsKey(session)) return TerminationOutcome.UnknownSession;
        try
        {
            return await node.Shell.TerminateAsync(session).WaitAsync(cancellation).ConfigureAwait(false) switch
            {
                ReasonCode.None => TerminationOutcome.Terminated,
                ReasonCode.Gone => TerminationOutcome.AlreadyEnded,
                ReasonCode.UnknownSession => TerminationOutcome.UnknownSession,
                _ => TerminationOutcome.NotStored,
            };
        }
        catch (OperationCanceledException)
        {
            // The core stores the end as soon as the store takes it; only this caller no longer waits.
            return TerminationOutcome.NotStored;
        }
    }

    public async Task<string?> ExportSessionAsync(SessionId session, Stream output, CancellationToken cancellation)
    {
        await node.Heads.SignAsync().ConfigureAwait(false);
        await node.Recorder.FlushAsync().ConfigureAwait(false);
        return await SessionExport.FromGatewayAsync(node.Configuration, node.Backing.Store, node.Signer, IncidentOrigin.Node, session, output).ConfigureAwait(false);
    }

    private bool IsShared => node.Backing.Cluster is not null;

    /// <summary>What another node owns is only borrowed, and may be old.</summary>
    private bool IsOurs(GatewaySession held) => !IsShared || held.Session.Owner.Exists(owner => owner == node.Backing.Self);

    private SessionStatus Describe(GatewaySession held)
    {
        Session session = held.Session;
        _ = node.DataPlane.TryReadCounters(session.Id, out TrafficCounters counters);
        return new SessionStatus
        {
            Id = session.Id.ToString(),
            Client = session.ClientName.IfNone(session.Client.ToString),
            State = session.State.ToString(),
            Version = session.Version,
            BindingVersion = session.BindingVersion,
            Owner = session.Owner.Match(owner => (string?[])[owner.Node], () => []).FirstOrDefault(),
            OwnershipEpoch = session.OwnershipEpoch,
            KeyEpoch = session.KeyEpoch,
            EstablishedAt = node.WallTimeOf(session.EstablishedAt),
            Addresses = [.. session.Addresses.Select(address => address.ToString())],
            Transport = session.Transport.Match(bound => (TransportStatus?[])[Describe(bound)], () => []).FirstOrDefault(),
            Paths = [],
            Switches = session.Switches,
            LastReason = session.LastReason.Name(),
            RxBytes = counters.ReceivedBytes,
            TxBytes = counters.SentBytes,
            RxPackets = counters.ReceivedPackets,
            TxPackets = counters.SentPackets,
        };
    }

    private TransportStatus Describe(TransportBinding bound) => new()
    {
        Id = bound.Id,
        Uplink = null,
        Local = bound.Local.ToString(),
        Remote = bound.Remote.ToString(),
        BoundAt = node.WallTimeOf(bound.BoundAt),
    };
}
