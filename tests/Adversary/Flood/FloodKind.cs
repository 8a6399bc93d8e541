namespace JumpingVpn.Adversary.Flood;

/// <summary>What a flood is made of. Each is refused at another check.</summary>
public enum FloodKind
{
    /// <summary>First messages of a stranger with right MAC1 and right key exchange.</summary>
    Initiation,

    /// <summary>First messages whose MAC1 is wrong.</summary>
    InitiationBadMac,

    /// <summary>First messages with right MAC1 around noise: the gateway learns only by a key exchange that they are none.</summary>
    InitiationGarbage,

    /// <summary>Reattaches with ids that were guessed.</summary>
    ReattachRandomId,

    /// <summary>Reattaches with an id that the gateway made, and a proof and a ticket that are wrong.</summary>
    ReattachWrongProof,

    /// <summary>Ends with an id that the gateway made and a wrong proof.</summary>
    EndWrongProof,

    /// <summary>Probes with an id that the gateway made and a wrong MAC.</summary>
    ProbeWrongMac,

    /// <summary>Confirmations of indices that were guessed.</summary>
    Confirm,

    /// <summary>Cookies, which a gateway never asks for.</summary>
    Cookie,

    /// <summary>Data packets with indices that were guessed.</summary>
    DataRandomIndex,

    /// <summary>Data packets with a right index and rising counters, and garbage for the rest.</summary>
    DataGarbage,

    /// <summary>One genuine datagram that was seen before, again and again: old nonces, old first messages.</summary>
    Replay,
}
