namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// Why a session moved or an input was refused: one primary cause for each transition or rejection. Numbers go on the
/// wire (u16) and names (<see cref="ReasonCodes.Name"/>) into the store, the log and the metrics, so neither ever changes:
/// new codes take new numbers. 1-49 are transitions, 50-99 ends, 100 and above rejections.
/// </summary>
public enum ReasonCode : ushort
{
    /// <summary>No reason; never on the wire and never stored.</summary>
    None = 0,

    /// <summary>The client's first message under the new keys confirmed its handshake.</summary>
    HandshakeOk = 1,

    /// <summary>Quality stayed below the floor for the hold time.</summary>
    VolatilitySignal = 2,

    /// <summary>Quality stayed above the ceiling for the stability window.</summary>
    StabilityRestored = 3,

    /// <summary>The quality budget is spent, or the session was volatile for too long.</summary>
    EnterDegraded = 4,

    /// <summary>The bound transport delivers no more.</summary>
    TransportDead = 5,

    /// <summary>A confirmed reattach bound another transport.</summary>
    TransportSwitched = 6,

    /// <summary>A confirmed reattach on the bound path changed the keys.</summary>
    KeysRotated = 7,

    /// <summary>The owner handed the session over.</summary>
    OwnershipReleased = 8,

    /// <summary>Another node, or a new incarnation, took the session over.</summary>
    OwnershipClaimed = 9,

    /// <summary>A snapshot took the place of older events; the session itself did not move.</summary>
    Compacted = 10,

    /// <summary>A new handshake of the same client key was confirmed.</summary>
    Superseded = 50,

    /// <summary>No transport was bound within the recovery window.</summary>
    RecoveryWindowExceeded = 51,

    /// <summary>The session's lifetime is over.</summary>
    TtlExpired = 52,

    /// <summary>A bound of the policy was reached that only an end can keep.</summary>
    PolicyExceeded = 53,

    /// <summary>The client or an operator ended the session.</summary>
    Explicit = 54,

    /// <summary>The client's key was removed from the registry.</summary>
    ClientRemoved = 55,

    /// <summary>Two copies of one client use the session.</summary>
    DualClient = 56,

    /// <summary>Correctness cannot be guaranteed (REQ-SAFETY-1).</summary>
    Ambiguity = 57,

    /// <summary>The request names another binding version than the current one.</summary>
    VersionMismatch = 100,

    /// <summary>The nonce or counter was seen before or lies below the window.</summary>
    ReplayDetected = 101,

    /// <summary>Too soon after the last move.</summary>
    Cooldown = 102,

    /// <summary>The budget for moves of this kind is spent.</summary>
    BudgetExceeded = 103,

    /// <summary>The session has ended.</summary>
    Gone = 104,

    /// <summary>No session has this id.</summary>
    UnknownSession = 105,

    /// <summary>The proof of possession is wrong.</summary>
    BadProof = 106,

    /// <summary>The ticket does not open, or belongs to another session or client.</summary>
    BadTicket = 107,

    /// <summary>A MAC is wrong.</summary>
    BadMac = 108,

    /// <summary>The datagram's length does not fit its type.</summary>
    BadLength = 109,

    /// <summary>The message type is unknown.</summary>
    UnknownType = 110,

    /// <summary>The gateway is under load and wants a cookie first.</summary>
    CookieRequired = 111,

    /// <summary>A rate limit refused the message.</summary>
    RateLimited = 112,

    /// <summary>The handshake is no longer held.</summary>
    HandshakeExpired = 113,

    /// <summary>The token was made for another source or another request.</summary>
    TokenMismatch = 114,

    /// <summary>The keys belong to an epoch that is over.</summary>
    StaleEpoch = 115,

    /// <summary>The client's key is not in the registry.</summary>
    UnknownClient = 116,

    /// <summary>The store cannot be reached.</summary>
    StoreUnavailable = 117,

    /// <summary>Another event was appended first.</summary>
    StoreConflict = 118,

    /// <summary>This node does not own the session.</summary>
    WrongOwner = 119,

    /// <summary>The transition table has no such step from the current state.</summary>
    WrongState = 120,

    /// <summary>The inner source address does not belong to the session.</summary>
    SpoofedSource = 121,

    /// <summary>An authentic packet from another source than the bound one.</summary>
    UnboundSource = 122,

    /// <summary>The bounded set of pending requests is full.</summary>
    TooManyPending = 123,

    /// <summary>The message counts only after a confirmation that has not come.</summary>
    NotConfirmed = 124,

    /// <summary>The MAC inside the session id is wrong: a guessed id.</summary>
    BadSessionId = 125,

    /// <summary>The Noise handshake failed.</summary>
    BadHandshake = 126,

    /// <summary>The packet's authentication tag is wrong.</summary>
    BadTag = 127,

    /// <summary>No epoch has this receiver index.</summary>
    UnknownReceiver = 128,

    /// <summary>The peer speaks another protocol version.</summary>
    UnsupportedVersion = 129,

    /// <summary>The message's fields contradict each other or lie outside their ranges.</summary>
    Malformed = 130,

    /// <summary>The inner packet is no valid IPv4 or IPv6 packet.</summary>
    BadInnerPacket = 131,

    /// <summary>No session serves the inner destination address.</summary>
    UnknownDestination = 132,

    /// <summary>A bounded queue is full.</summary>
    QueueFull = 133,

    /// <summary>The node holds no valid lease.</summary>
    LeaseLost = 134,

    /// <summary>Another instance of the client holds the session.</summary>
    WrongInstance = 135,

    /// <summary>The transport that the input names is not the bound one.</summary>
    StaleTransport = 136,

    /// <summary>A command of this node contradicts itself or breaks a bound.</summary>
    InvalidCommand = 137,

    /// <summary>The table of sessions, or the client's share of it, is full.</summary>
    TooManySessions = 138,

    /// <summary>The public key is a low-order point.</summary>
    LowOrderPoint = 139,

    /// <summary>The node is shutting down.</summary>
    Draining = 140,
}
