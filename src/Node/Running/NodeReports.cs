using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry;
using Serilog;

namespace JumpingVpn.Node.Running;

/// <summary>What a running node says: transitions one line each, rejections counted and logged at a bounded rate. Safe from any thread.</summary>
internal sealed class NodeReports(ILogger log)
{
    private readonly RejectionLog _rejections = new(log);

    /// <summary>Told of what happens beside the events; null until the node has one.</summary>
    public EvidenceReports? Evidence { get; set; }

    /// <summary>Counts by reason name, of those that occurred.</summary>
    public IReadOnlyDictionary<string, long> Rejections => _rejections.Snapshot();

    public void Information(string text) => log.Information("{Text:l}", text);

    public void Warning(string text) => log.Warning("{Text:l}", text);

    /// <summary>A stored transition.</summary>
    public void Transition(Session before, Session after) => log.Information("{Transition:l}", TransitionLine.Of(before, after));

    /// <summary>Counts a refused input.</summary>
    public void Rejection(ReasonCode reason, Endpoint source, SessionId? session)
    {
        _rejections.Count(reason, new Refused(source, session));
        Evidence?.Recorder.Refused(reason, source, session);
    }

    /// <summary>A datagram could not be sent for a local reason.</summary>
    public void SendFailed(int socket, int errno) => log.Debug("socket {Socket} cannot send: errno {Errno}", socket, errno);

    /// <summary>What a client's core reports.</summary>
    public void Client(ClientReport report)
    {
        Evidence?.Client(report);
        switch (report)
        {
            case ClientReport.Transition moved:
                log.Information("{Transition:l}", TransitionLine.Of(moved.Session.ToString(), (ulong)moved.Version, moved.From.ToString(), moved.To.ToString(),
                    moved.Reason.Name(), moved.Transport, moved.Change));
                break;
            case ClientReport.PathChanged path:
                log.Information("path {Uplink:l} to {Remote}: {Change:l}", path.Uplink, path.Remote, path.Change);
                break;
            case ClientReport.Rejected rejected:
                _rejections.Count(rejected.Reason, rejected.Detail);
                break;
            case ClientReport.Warning warning:
                Warning(warning.Text);
                break;
            default:
                throw new InvalidOperationException("a report that is none of the known ones");
        }
    }

    private readonly record struct Refused(Endpoint Source, SessionId? Session)
    {
        public override string ToString() => Session is { } session ? $"from {Source} for session {session}" : $"from {Source}";
    }
}
