namespace JumpingVpn.Domain.Sessions;

/// <summary>Why the client reattaches. The numbers are on the wire.</summary>
public enum ReattachKind : byte
{
    /// <summary>The bound path is dead.</summary>
    Dead = 1,

    /// <summary>Another path is better: charged to the quality budget.</summary>
    Voluntary = 2,

    /// <summary>The client's own address or NAT binding changed.</summary>
    Rebound = 3,

    /// <summary>The same path, new keys.</summary>
    Rekey = 4,

    /// <summary>A restarted client goes on with the session that its state file holds.</summary>
    Resume = 5,

    /// <summary>The gateway said that packets come from an unbound source.</summary>
    Challenge = 6,
}
