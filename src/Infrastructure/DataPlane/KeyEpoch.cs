using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// One key epoch. Its sending side belongs to the sending thread, its receiving side to the receiving thread; the command thread
/// closes, limits and removes it.
/// </summary>
internal sealed class KeyEpoch(SessionEntry session, TrafficKeys keys, PacketKeys packetKeys, PacketSource source, bool held)
{
    private const ulong Closed = 1UL << 63;

    private PacketSource _source = source;
    private ulong _end = PacketHeader.CounterEnd;
    private long _until = Instant.Never.Ticks;
    private long _lastReceived;
    private volatile bool _held = held;
    private volatile bool _removed;

    // A kibibyte that comes with the first packet: an idle session has none.
    private ulong[] _windowWords = [];
    private ReplayWindow _window;

    // The counter is written for every batch that is sent: it gets a cache line away from what the receiving thread reads.
    private readonly ulong[] _next = new ulong[16];

    public SessionEntry Session { get; } = session;

    public TrafficKeys Keys { get; } = keys;

    /// <summary>Receiver index in packets to the other side.</summary>
    public uint RemoteIndex { get; } = keys.RemoteIndex;

    public PacketKeys PacketKeys { get; } = packetKeys;

    // Sending side.

    /// <summary>The next counter; also the number of packets sent.</summary>
    public ulong Sent => Volatile.Read(ref _next[8]) & ~Closed;

    /// <summary>Takes <paramref name="count"/> counters in a row; false once the epoch is closed or used up. Any thread.</summary>
    public bool TryReserve(int count, out ulong first)
    {
        ulong end = Interlocked.Add(ref _next[8], (ulong)count);
        first = end - (ulong)count;
        if (end < PacketHeader.CounterEnd) return true;
        // What was added in vain is taken back, so that the count stays that of packets sent.
        Interlocked.Add(ref _next[8], unchecked(0UL - (ulong)count));
        return false;
    }

    /// <summary>No counter can be reserved any more; returns one more than the last that was.</summary>
    public ulong CloseSending() => Interlocked.Or(ref _next[8], Closed) & ~Closed;

    // Receiving side.

    /// <summary>False if a counter has been accepted already or is too old to tell. Marks nothing.</summary>
    public bool IsFresh(ulong counter) => _window.IsFresh(_windowWords, counter);

    /// <summary>Accepts an authentic counter once.</summary>
    public bool TryAccept(ulong counter)
    {
        if (_windowWords.Length == 0) _windowWords = new ulong[ReplayWindow.Words];
        return _window.TryMark(_windowWords, counter);
    }

    /// <summary>One more than the highest accepted counter; 0 before the first. Any thread.</summary>
    public ulong HighestReceived => _window.Next;

    /// <summary>How many counters were accepted. Any thread.</summary>
    public ulong Received => _window.Marked;

    /// <summary>Packets from elsewhere that may be decrypted, to learn whether they are authentic.</summary>
    public RateLimit UnboundAttempts = new(200);

    /// <summary>What waits for the binding to commit; the receiving thread's alone.</summary>
    public HeldQueue Queue { get; } = new();

    public PacketSource Source
    {
        get => Volatile.Read(ref _source);
        set => Volatile.Write(ref _source, value);
    }

    /// <summary>Counters from here on are refused.</summary>
    public ulong End
    {
        get => Volatile.Read(ref _end);
        set => Volatile.Write(ref _end, Math.Min(value, PacketHeader.CounterEnd));
    }

    /// <summary>Ticks at which the epoch stops receiving.</summary>
    public long Until
    {
        get => Volatile.Read(ref _until);
        set => Volatile.Write(ref _until, value);
    }

    /// <summary>Ticks of the last authentic packet from the epoch's source.</summary>
    public long LastReceived
    {
        get => Volatile.Read(ref _lastReceived);
        set => Volatile.Write(ref _lastReceived, value);
    }

    /// <summary>Inner packets wait in <see cref="Queue"/>.</summary>
    public bool Held
    {
        get => _held;
        set => _held = value;
    }

    /// <summary>Taken out of the table: its queue is the command thread's now.</summary>
    public bool Removed => _removed;

    public void MarkRemoved() => _removed = true;

    /// <summary>Links epochs whose queues the receiving thread has been told to release.</summary>
    public KeyEpoch? NextReleased { get; set; }

    /// <summary>True while the epoch is the one that its session sends under.</summary>
    public bool IsCurrent => ReferenceEquals(Session.Binding?.Epoch, this);
}
