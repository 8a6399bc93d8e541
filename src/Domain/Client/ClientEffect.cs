using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Client;

/// <summary>All that a client core asks of its shell, carried out in order. Closed.</summary>
public abstract record ClientEffect
{
    private ClientEffect()
    {
    }

    /// <summary>Open a UDP socket bound to the device, for this endpoint's family; answered by SocketOpened or SocketFailed.</summary>
    /// <param name="Socket">The core's number for it; never used twice.</param>
    public sealed record OpenSocket(int Socket, string Uplink, int InterfaceIndex, Endpoint Remote) : ClientEffect;

    public sealed record CloseSocket(int Socket) : ClientEffect;

    /// <summary>Send a control datagram.</summary>
    public sealed record Send(int Socket, Endpoint Remote, ReadOnlyMemory<byte> Bytes) : ClientEffect;

    /// <summary>Send a control frame under the bound epoch.</summary>
    public sealed record SendFrame(SessionId Session, ControlFrame Frame) : ClientEffect;

    /// <summary>
    /// Set the tunnel device's addresses and MTU and the routes into it, in place of what an earlier one set, before anything flows.
    /// </summary>
    public sealed record ConfigureTunnel(ImmutableArray<IpPrefix> Addresses, ImmutableArray<IpPrefix> Routes, int InnerMtu) : ClientEffect;

    /// <summary>Put the session into the data plane.</summary>
    /// <param name="Prefixes">What inner packets may come from and are sent to.</param>
    public sealed record OpenSession(SessionId Session, ImmutableArray<IpPrefix> Prefixes, int InnerMtu) : ClientEffect;

    public sealed record InstallEpoch(SessionId Session, TrafficKeys Keys, TransportAddress Source) : ClientEffect;

    /// <summary>Send under this epoch from now on; answered by TransportBound.</summary>
    public sealed record Bind(SessionId Session, uint LocalIndex, TransportAddress Transport, Instant OldUntil) : ClientEffect;

    public sealed record LimitEpoch(SessionId Session, uint LocalIndex, ulong End) : ClientEffect;

    public sealed record RemoveEpoch(SessionId Session, uint LocalIndex) : ClientEffect;

    public sealed record CloseSession(SessionId Session) : ClientEffect;

    public sealed record SetInnerMtu(SessionId Session, int InnerMtu) : ClientEffect;

    public sealed record ArmTrafficResumed(SessionId Session) : ClientEffect;

    /// <summary>Resolve the configured endpoints again; answered by EndpointsResolved.</summary>
    public sealed record Resolve : ClientEffect;

    /// <summary>Write the state file durably; answered by StateSaved or StateSaveFailed. The shell reads the root while it carries this out.</summary>
    /// <param name="Save">Counts the saves.</param>
    public sealed record SaveState(long Save, ClientResumption Resumption) : ClientEffect;

    /// <summary>The session is over: the state file must not promise it any more.</summary>
    public sealed record DeleteState : ClientEffect;

    /// <summary>Zero a secret that an earlier effect still needed.</summary>
    public sealed record Forget(SecretHandle Secret) : ClientEffect;

    /// <summary>One line for the log and for status.</summary>
    public sealed record Report(ClientReport Event) : ClientEffect;

    /// <summary>All is done: the process may end.</summary>
    public sealed record Stopped : ClientEffect;
}
