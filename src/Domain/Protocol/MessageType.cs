namespace JumpingVpn.Domain.Protocol;

/// <summary>The first byte of every datagram.</summary>
public enum MessageType : byte
{
    /// <summary>Client to gateway: Noise message 1 of a new session.</summary>
    Initiation = 1,

    /// <summary>Gateway to client: Noise message 2.</summary>
    Response = 2,

    /// <summary>Gateway to client, under load: a cookie that proves the source address.</summary>
    Cookie = 3,

    /// <summary>Either way: an inner packet, a control frame or nothing, under an epoch's keys.</summary>
    Data = 4,

    /// <summary>Client to gateway: asks for a new binding, with proof of possession.</summary>
    Prepare = 5,

    /// <summary>Gateway to the source of a PREPARE: key share and token. Nothing has changed yet.</summary>
    Prepared = 6,

    /// <summary>Client to gateway: the first message under the new keys, of a handshake or a reattach.</summary>
    Confirm = 7,

    /// <summary>Gateway to client: the binding has committed.</summary>
    Bound = 8,

    /// <summary>Gateway to client: a proven request is refused, and why.</summary>
    Refused = 9,

    /// <summary>Gateway to client: an authentic packet came from a source that is not bound.</summary>
    Challenge = 10,

    /// <summary>Client to gateway: measures a path, reports what arrived.</summary>
    Probe = 11,

    /// <summary>Gateway to client: answers a probe.</summary>
    ProbeReply = 12,

    /// <summary>Client to gateway: ends the session, with proof of possession.</summary>
    End = 13,

    /// <summary>Gateway to client: the session's end has been stored.</summary>
    Ended = 14,
}
