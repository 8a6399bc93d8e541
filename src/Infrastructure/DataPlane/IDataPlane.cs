using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// The forwarding table's commands. They are called by the one thread that runs a core's effects, never by the packet
/// threads; each takes effect for all packets that are handled after it returned. The data plane decides nothing: it
/// forwards what the table allows and reports the rest to <see cref="IDataPlaneEvents"/>.
/// </summary>
public interface IDataPlane
{
    /// <summary>
    /// From <paramref name="until"/> on, by the clock that counts from boot, nothing is received, delivered or sent, and what waits is
    /// dropped: a lease that was not renewed. <see cref="Instant.Never"/>, the default, is no deadline. The one command that another
    /// thread gives.
    /// </summary>
    void SetServeUntil(Instant until);

    /// <summary>Starts to receive on a socket; the caller keeps the socket open until <see cref="RemoveSocket"/> has returned.</summary>
    void AddSocket(int socket, int fileDescriptor, bool isIPv6);

    /// <summary>Stops using a socket: when it returns, no packet thread touches the descriptor any more.</summary>
    void RemoveSocket(int socket);

    /// <summary>
    /// Adds a session: inner packets to <paramref name="prefixes"/> are sent to it (longest prefix first) and inner
    /// packets from it must come from them. Nothing flows before <see cref="Bind"/>.
    /// </summary>
    void OpenSession(SessionId session, IReadOnlyList<IpPrefix> prefixes, int innerMtu);

    /// <summary>
    /// Accepts an epoch for receiving, from <paramref name="source"/> only. Held: its packets are decrypted and kept
    /// (bounded, the newest refused) until it is bound, because the binding is not yet committed.
    /// </summary>
    void InstallEpoch(SessionId session, TrafficKeys keys, TransportAddress source, bool held);

    /// <summary>
    /// Sends from now on under the epoch to <paramref name="transport"/>, releases what it held, and gives the old epoch
    /// until <paramref name="oldUntil"/> to deliver what is still on its way from its own source.
    /// </summary>
    /// <returns>One more than the last counter sent under the epoch that this one replaces; 0 if it replaces none.</returns>
    ulong Bind(SessionId session, uint localIndex, TransportAddress transport, Instant oldUntil);

    /// <summary>Counters of an old epoch from <paramref name="endCounter"/> on are refused.</summary>
    void LimitEpoch(SessionId session, uint localIndex, ulong endCounter);

    /// <summary>Forgets an epoch that was not bound or has been replaced: its keys are zeroed, its held packets dropped.</summary>
    void RemoveEpoch(SessionId session, uint localIndex);

    /// <summary>Stops all traffic of the session at once and forgets its epochs. The session stays in the table.</summary>
    void Unbind(SessionId session);

    /// <summary>Forgets the session.</summary>
    void CloseSession(SessionId session);

    /// <summary>Largest inner packet for the session from now on, in bytes; larger ones are answered with ICMP "too big".</summary>
    void SetInnerMtu(SessionId session, int innerMtu);

    /// <summary>Sends a control frame (first nibble 0) under the bound epoch; false if none is bound.</summary>
    bool SendControl(SessionId session, ReadOnlySpan<byte> frame);

    /// <summary>The next inner packet of the session, in either direction, raises <see cref="IDataPlaneEvents.TrafficResumed"/> once.</summary>
    void ArmTrafficResumed(SessionId session);

    /// <summary>False if the session is not in the table.</summary>
    bool TryReadCounters(SessionId session, out TrafficCounters counters);
}

/// <summary>What became of a control datagram, as far as floods are concerned.</summary>
public enum ControlVerdict
{
    /// <summary>It was taken, or its source is one from which something was proven lately.</summary>
    Taken,

    /// <summary>It was refused, and its source is not known for anything.</summary>
    Refused,

    /// <summary>It was refused, as others from its source before.</summary>
    RefusedAgain,

    /// <summary><see cref="Refused"/>, and it names a session that no flood names.</summary>
    RefusedNaming,

    /// <summary><see cref="RefusedAgain"/>, and it names a session that no flood names.</summary>
    RefusedAgainNaming,
}

/// <summary>
/// What the data plane passes on. Called on packet threads: an implementation copies what it keeps, never blocks and
/// never throws.
/// </summary>
public interface IDataPlaneEvents
{
    /// <summary>Any datagram that is no data packet.</summary>
    /// <param name="received">When its batch was taken from the socket, on the cores' clock.</param>
    ControlVerdict ControlDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant received);

    /// <summary>An authentic control frame from the bound source.</summary>
    void ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame);

    /// <summary>An authentic data packet of the current epoch from another source than the bound one (bounded rate per session).</summary>
    void UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source);

    /// <summary>See <see cref="IDataPlane.ArmTrafficResumed"/>.</summary>
    void TrafficResumed(SessionId session);

    /// <summary>The first authentic packet under an epoch that was not held when it came; once for each epoch.</summary>
    void EpochHeard(SessionId session, uint localIndex);

    /// <summary>A send failed for a local reason (no route, device gone, address gone); bounded rate per socket.</summary>
    void SendFailed(int socket, int errno);
}
