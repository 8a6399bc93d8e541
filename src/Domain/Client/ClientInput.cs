using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Client;

/// <summary>All that can happen to a client core. Closed: an input that is none of these does not exist.</summary>
public abstract record ClientInput
{
    private ClientInput()
    {
    }

    /// <summary>The process starts. <paramref name="Resumption"/> is what the state file held, if there was one.</summary>
    /// <param name="Instance">This start of the process.</param>
    public sealed record Start(InstanceId Instance, ClientResumption? Resumption) : ClientInput;

    /// <summary>The usable uplinks, best first, whenever that list or one of its entries has changed.</summary>
    public sealed record UplinksChanged(ImmutableArray<Uplink> Uplinks) : ClientInput;

    /// <summary>The addresses of the configured endpoints, in the configured order; empty if none could be resolved.</summary>
    public sealed record EndpointsResolved(ImmutableArray<Endpoint> Endpoints) : ClientInput;

    /// <summary>The socket of <see cref="ClientEffect.OpenSocket"/> is there.</summary>
    public sealed record SocketOpened(int Socket, Endpoint Local) : ClientInput;

    /// <summary>The socket could not be opened; <paramref name="Problem"/> says why, in one line.</summary>
    public sealed record SocketFailed(int Socket, string Problem) : ClientInput;

    /// <summary>A datagram that is no data packet.</summary>
    public sealed record DatagramReceived(TransportAddress Source, ReadOnlyMemory<byte> Bytes) : ClientInput;

    /// <summary>An authentic control frame.</summary>
    public sealed record FrameReceived(uint LocalIndex, ReadOnlyMemory<byte> Bytes) : ClientInput;

    /// <summary>The deadline of <see cref="ClientCore.NextDeadline"/> has passed.</summary>
    public sealed record TimerFired : ClientInput;

    /// <summary>Traffic flows again after <see cref="ClientEffect.ArmTrafficResumed"/>.</summary>
    public sealed record TrafficResumed : ClientInput;

    /// <summary>The first authentic packet has come under an epoch that the client installed.</summary>
    public sealed record EpochHeard(uint LocalIndex) : ClientInput;

    /// <summary>Sending on a socket failed.</summary>
    public sealed record SendFailed(int Socket, SendProblem Problem) : ClientInput;

    /// <summary>The data plane did <see cref="ClientEffect.Bind"/>.</summary>
    /// <param name="OldEnd">One more than the last counter sent under the epoch before.</param>
    public sealed record TransportBound(uint LocalIndex, ulong OldEnd) : ClientInput;

    /// <summary>The state file is on disk, up to and including this save.</summary>
    public sealed record StateSaved(long Save) : ClientInput;

    /// <summary>The state file could not be written.</summary>
    public sealed record StateSaveFailed(long Save, string Problem) : ClientInput;

    /// <summary>An operator of the client ends its session; a new one follows after a pause.</summary>
    public sealed record TerminateRequested(SessionId Session) : ClientInput;

    /// <summary>The process is asked to stop (SIGTERM, SIGINT).</summary>
    public sealed record Stop : ClientInput;
}

/// <summary>Why a datagram could not be sent or came back.</summary>
public enum SendProblem
{
    /// <summary>The host itself cannot send there: no route, no device, no such source address. Certain.</summary>
    Local = 1,

    /// <summary>Somebody on the way, or claiming to be, sent an ICMP error. Only raises suspicion: it can be forged.</summary>
    Icmp = 2,

    /// <summary>Larger than the path takes.</summary>
    TooBig = 3,
}

/// <summary>What the shell reads from the data plane for every step, so that a decision never waits for it.</summary>
public readonly record struct ClientStep(StepContext Context, TrafficCounters Counters);
