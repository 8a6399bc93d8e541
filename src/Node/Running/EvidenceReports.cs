using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry.Recorder;

namespace JumpingVpn.Node.Running;

/// <summary>What a node reports, as evidence for its flight recorder.</summary>
internal sealed class EvidenceReports(FlightRecorder recorder, string node)
{
    public FlightRecorder Recorder => recorder;

    /// <summary>A link or the set of uplinks changed.</summary>
    public void Link(string subject, string change) => recorder.Record(new Evidence.Link(node, WallClock.Now(), subject, change));

    public void Client(ClientReport report)
    {
        switch (report)
        {
            case ClientReport.Transition moved:
                recorder.Record(new Evidence.Mirrored(
                    node, WallClock.Now(), moved.Session, moved.Version, moved.From, moved.To, moved.Reason.Name(), moved.Transport, moved.Change));
                break;
            case ClientReport.PathChanged path:
                Link(PathSamples.NameOf(path.Uplink, path.Remote), path.Change);
                break;
            case ClientReport.Rejected rejected:
                recorder.Refused(rejected.Reason, default, null, rejected.Detail);
                break;
            case ClientReport.Warning:
                break;
        }
    }
}
