using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Node.Cli;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Running;

/// <summary>Answers operators of a client out of the core's last state.</summary>
internal sealed class ClientControl(ClientNode node) : INodeControl
{
    private const double Millionths = 1_000_000;

    public Task<NodeStatus> SnapshotAsync(CancellationToken cancellation)
    {
        ClientView view = ClientView.Of(node.Shell.State, BootClock.Now());
        return Task.FromResult(new NodeStatus
        {
            Role = node.Configuration.Role,
            Node = node.Configuration.Node,
            Version = CommandLine.Version(),
            Sessions = view.Session is { } session ? [Describe(session, view)] : [],
            Rejections = node.Log.Rejections.With(node.DataPlane),
            Store = null,
            Lease = null,
            Telemetry = new TelemetryStatus
            {
                Dropped = node.Telemetry.Dropped,
                RecorderDropped = node.Recorder?.Dropped ?? 0,
                Warnings = node.Telemetry.Warnings,
            },
        });
    }

    public async Task<TerminationOutcome> TerminateSessionAsync(SessionId session, CancellationToken cancellation)
    {
        if (node.Shell.State.Session?.Id != session) return TerminationOutcome.UnknownSession;
        node.Shell.Post(new ClientInput.TerminateRequested(session));
        try
        {
            while (node.Shell.State.Session?.Id == session) await Task.Delay(20, cancellation).ConfigureAwait(false);
            return TerminationOutcome.Terminated;
        }
        catch (OperationCanceledException)
        {
            return TerminationOutcome.NotStored;
        }
    }

    public async Task<string?> ExportSessionAsync(SessionId session, Stream output, CancellationToken cancellation)
    {
        if (node.Recorder is not { } recorder || node.Signer is not { } signer) return "this client records nothing: its audit directory cannot be used, see its log";
        await recorder.FlushAsync().ConfigureAwait(false);
        return SessionExport.FromClient(node.Configuration, signer, IncidentOrigin.Node, session, output);
    }

    private SessionStatus Describe(ClientSessionView session, ClientView view)
    {
        _ = node.DataPlane.TryReadCounters(session.Id, out TrafficCounters counters);
        return new SessionStatus
        {
            Id = session.Id.ToString(),
            Client = node.Configuration.Node,
            State = session.State.ToString(),
            Version = session.Version,
            BindingVersion = session.BindingVersion,
            Owner = null,
            OwnershipEpoch = session.OwnershipEpoch,
            KeyEpoch = session.KeyEpoch,
            EstablishedAt = WallClock.Of(session.Since, BootClock.Now()),
            Addresses = [.. session.Addresses.Select(address => address.ToString())],
            Transport = session.Transport is { } bound ? Describe(session, bound) : null,
            Paths = [.. view.Paths.Select(Describe)],
            Switches = (ulong)session.Switches,
            LastReason = session.LastReason.Name(),
            RxBytes = counters.ReceivedBytes,
            TxBytes = counters.SentBytes,
            RxPackets = counters.ReceivedPackets,
            TxPackets = counters.SentPackets,
        };
    }

    private static TransportStatus Describe(ClientSessionView session, BoundTransport bound) => new()
    {
        Id = session.BindingVersion,
        Uplink = bound.Uplink,
        Local = bound.Local.ToString(),
        Remote = bound.Address.Remote.ToString(),
        BoundAt = WallClock.Of(bound.At, BootClock.Now()),
    };

    private static PathStatus Describe(ClientPathView path) => new()
    {
        Uplink = path.Uplink,
        Endpoint = path.Remote.ToString(),
        State = path.State.ToString(),
        RttMs = path.Rtt?.TotalMilliseconds,
        Loss = path.Rtt is null ? null : path.LossPpm / Millionths,
        Mtu = path.Mtu,
    };
}
