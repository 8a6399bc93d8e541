using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Simulation.Tests.DataPlane;

/// <summary>One key epoch of the model. The keys are fingerprints: equal at both ends, and of no use for anything but tags.</summary>
internal sealed class ModelEpoch(ModelSession session, TrafficKeys keys, UInt128 send, UInt128 receive, TransportAddress source, bool held)
{
    private readonly ulong[] _words = new ulong[ReplayWindow.Words];
    private ReplayWindow _window;

    public ModelSession Session { get; } = session;

    public uint LocalIndex { get; } = keys.LocalIndex;

    public uint RemoteIndex { get; } = keys.RemoteIndex;

    public UInt128 SendKey { get; } = send;

    public UInt128 ReceiveKey { get; } = receive;

    public TransportAddress Source { get; set; } = source;

    public bool Held { get; set; } = held;

    /// <summary>The next counter to send.</summary>
    public ulong Next { get; set; }

    /// <summary>Counters from here on are refused.</summary>
    public ulong End { get; set; } = 1UL << 60;

    /// <summary>When it stops receiving.</summary>
    public Instant Until { get; set; } = Instant.Never;

    public Instant LastReceived { get; set; } = Instant.Zero;

    public TokenBucket UnboundAttempts { get; set; } = TokenBucket.Full;

    public Queue<(byte[] Inner, Arrival Arrival)> Queue { get; } = new();

    public ulong HighestReceived => _window.Next;

    public ulong Received => _window.Marked;

    public bool IsFresh(ulong counter) => _window.IsFresh(_words, counter);

    public bool TryAccept(ulong counter) => _window.TryMark(_words, counter);
}

/// <summary>How an inner packet came, for whoever judges its delivery.</summary>
internal readonly record struct Arrival(TransportAddress Source, Instant At, UInt128 Key, ulong Counter, uint LocalIndex);

/// <summary>A session in the model's table.</summary>
internal sealed class ModelSession(SessionId id, IReadOnlyList<IpPrefix> prefixes, int innerMtu)
{
    public SessionId Id { get; } = id;

    public IReadOnlyList<IpPrefix> Prefixes { get; } = prefixes;

    public int InnerMtu { get; set; } = innerMtu;

    public List<ModelEpoch> Epochs { get; } = [];

    public List<ModelEpoch> OldEpochs { get; } = [];

    /// <summary>Null while nothing is bound.</summary>
    public (ModelEpoch Epoch, TransportAddress Transport)? Binding { get; set; }

    public TokenBucket UnboundReports { get; set; } = TokenBucket.Full;

    public bool IsArmed { get; set; }

    public Instant LastSent { get; set; } = Instant.Zero;

    public ulong SentPackets { get; set; }

    public ulong ReceivedPackets { get; set; }
}
