using System.Collections.Concurrent;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>Keeps what the data plane reports.</summary>
internal sealed class RecordingEvents : IDataPlaneEvents
{
    public ConcurrentQueue<(TransportAddress Source, byte[] Datagram)> Datagrams { get; } = new();

    public ConcurrentQueue<(SessionId Session, uint Index, byte[] Frame)> Frames { get; } = new();

    public ConcurrentQueue<(SessionId Session, uint Index, ulong Counter, TransportAddress Source)> Unbound { get; } = new();

    public ConcurrentQueue<SessionId> Resumed { get; } = new();

    public ConcurrentQueue<(SessionId Session, uint Index)> Heard { get; } = new();

    public ConcurrentQueue<(int Socket, int Errno)> Failures { get; } = new();

    /// <summary>Where the next control datagram keeps the receiving thread waiting.</summary>
    public ManualResetEventSlim? Gate { get; set; }

    public bool AtGate => _atGate;

    private volatile bool _atGate;

    public ControlVerdict ControlDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant received)
    {
        Datagrams.Enqueue((source, datagram.ToArray()));
        if (Gate is not { } gate) return ControlVerdict.Taken;
        _atGate = true;
        gate.Wait();
        _atGate = false;
        return ControlVerdict.Taken;
    }

    public void ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame) => Frames.Enqueue((session, localIndex, frame.ToArray()));

    public void UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source) =>
        Unbound.Enqueue((session, localIndex, counter, source));

    public void TrafficResumed(SessionId session) => Resumed.Enqueue(session);

    public void EpochHeard(SessionId session, uint localIndex) => Heard.Enqueue((session, localIndex));

    public void SendFailed(int socket, int errno) => Failures.Enqueue((socket, errno));
}
