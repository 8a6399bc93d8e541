using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// What a node has seen beside the events: measurements, refusals, links. It proves nothing by itself and decides nothing; it shows
/// what the deciders had before them. It never holds payload, key material, or inner addresses (REQ-AUDIT-4). STORAGE FORMAT: see
/// <see cref="IncidentJson"/>.
/// </summary>
/// <param name="Node">Who saw it.</param>
/// <param name="Wall">When, by that node's wall clock; of an aggregate its end. Two nodes' clocks may differ.</param>
public abstract record Evidence(string Node, WallTime Wall)
{
    /// <summary>The longest text that evidence holds, in characters; longer ones are cut off.</summary>
    public const int MaxText = 300;

    /// <summary>The session that it is about; null for what is about the node.</summary>
    public abstract SessionId? About { get; }

    /// <summary>How a path was over one second.</summary>
    /// <param name="Path">The path as its node names it: uplink and endpoint on a client, remote endpoint on a gateway.</param>
    /// <param name="State">Live, Suspect, Dead or Unknown.</param>
    /// <param name="RttMicros">Smoothed round trip in microseconds; null while it is not known.</param>
    /// <param name="LossPpm">Loss in millionths.</param>
    /// <param name="IsBound">True while it is the session's transport.</param>
    public sealed record PathSample(string Node, WallTime Wall, SessionId Session, string Path, string State, long? RttMicros, int LossPpm, bool IsBound)
        : Evidence(Node, Wall)
    {
        public override SessionId? About => Session;
    }

    /// <summary>Probes and reports of a path since the last such record.</summary>
    /// <param name="Sent">On a client: sent. On a gateway: answers sent.</param>
    /// <param name="Received">On a client: answers that came. On a gateway: probes that came.</param>
    public sealed record Probes(string Node, WallTime Wall, SessionId? Session, string Path, long Sent, long Received) : Evidence(Node, Wall)
    {
        public override SessionId? About => Session;
    }

    /// <summary>Inputs that were refused for one reason from one source; the first and the last in full.</summary>
    /// <param name="Reason">A reason code.</param>
    /// <param name="Source">Address without port (IPv6: its /64), or what stands for it.</param>
    public sealed record Rejections(string Node, WallTime Wall, string Reason, string Source, long Count, RefusedInput First, RefusedInput Last)
        : Evidence(Node, Wall)
    {
        public override SessionId? About => Last.Session;
    }

    /// <summary>A link, route or path changed.</summary>
    /// <param name="Subject">The uplink or path.</param>
    /// <param name="Change">What happened, in words.</param>
    public sealed record Link(string Node, WallTime Wall, string Subject, string Change) : Evidence(Node, Wall)
    {
        public override SessionId? About => null;
    }

    /// <summary>A client's mirror of the session moved.</summary>
    /// <param name="Version">The session's version that the client then knew: what ties its view to the gateway's events.</param>
    /// <param name="Transport">Uplink and addresses, or `-`.</param>
    public sealed record Mirrored(
        string Node, WallTime Wall, SessionId Session, long Version, SessionState From, SessionState To, string Reason, string Transport, string Change)
        : Evidence(Node, Wall)
    {
        public override SessionId? About => Session;
    }

    /// <summary>The recorder could not keep up: so many records were dropped since the last such record.</summary>
    public sealed record Dropped(string Node, WallTime Wall, long Count) : Evidence(Node, Wall)
    {
        public override SessionId? About => null;
    }
}

/// <summary>One refused input.</summary>
/// <param name="Source">Address and port, or what stands for it.</param>
/// <param name="Session">The session that it named, if it named one.</param>
/// <param name="Detail">What else is known, in words.</param>
public sealed record RefusedInput(WallTime Wall, string Source, SessionId? Session, string Detail);
