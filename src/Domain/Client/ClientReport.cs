using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>What a client tells the people who run it. Closed.</summary>
public abstract record ClientReport
{
    private ClientReport()
    {
    }

    /// <summary>The mirrored session moved; one line in the log.</summary>
    /// <param name="Transport">Uplink, local and remote address, or "-".</param>
    /// <param name="Change">What changed, in words.</param>
    public sealed record Transition(SessionId Session, long Version, SessionState From, SessionState To, ReasonCode Reason, string Transport, string Change)
        : ClientReport;

    /// <summary>A path came, went, or changed its health.</summary>
    public sealed record PathChanged(string Uplink, Endpoint Remote, string Change) : ClientReport;

    /// <summary>A datagram or request was refused, by us or by the gateway; counted, logged at a bounded rate.</summary>
    public sealed record Rejected(ReasonCode Reason, string Detail) : ClientReport;

    /// <summary>Something that an administrator should know.</summary>
    public sealed record Warning(string Text) : ClientReport;
}
