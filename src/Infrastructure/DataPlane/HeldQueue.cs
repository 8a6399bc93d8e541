using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Decrypted packets of an epoch that is not bound yet, in order of arrival, in native memory. Bounds are for the session and for
/// the whole data plane; when one is reached the newest packet is refused (REQ-EXHAUST-1).
/// </summary>
internal sealed unsafe class HeldQueue
{
    /// <summary>Packets that one session may hold.</summary>
    public const int MaxPackets = 64;

    /// <summary>Bytes that one session may hold.</summary>
    public const int MaxBytes = 96 * 1024;

    /// <summary>Bytes that all sessions together may hold.</summary>
    public const int MaxTotalBytes = 8 * 1024 * 1024;

    private struct Packet
    {
        public Packet* Next;
        public ulong Counter;
        public int Length;
        public byte Flags;
    }

    private Packet* _first;
    private Packet* _last;

    /// <summary>Packets in the queue.</summary>
    public int Count { get; private set; }

    /// <summary>Takes a copy; false if a bound is reached.</summary>
    public bool TryAdd(SessionEntry session, HeldTotal total, byte* packet, int length, ulong counter, byte flags)
    {
        if (Volatile.Read(ref session.HeldPackets) >= MaxPackets || Volatile.Read(ref session.HeldBytes) + length > MaxBytes) return false;
        if (!total.TryAdd(length)) return false;
        Interlocked.Increment(ref session.HeldPackets);
        Interlocked.Add(ref session.HeldBytes, length);
        var copy = (Packet*)NativeMemory.Alloc((nuint)(sizeof(Packet) + length));
        *copy = new() { Counter = counter, Length = length, Flags = flags };
        Buffer.MemoryCopy(packet, copy + 1, length, length);
        if (_last == null) _first = copy;
        else _last->Next = copy;
        _last = copy;
        Count++;
        return true;
    }

    /// <summary>The oldest packet, which stays in the queue until <see cref="RemoveFirst"/>; null if there is none.</summary>
    public byte* First(out int length, out ulong counter, out byte flags)
    {
        length = _first == null ? 0 : _first->Length;
        counter = _first == null ? 0 : _first->Counter;
        flags = _first == null ? (byte)0 : _first->Flags;
        return _first == null ? null : (byte*)(_first + 1);
    }

    /// <summary>Zeroes and frees the oldest packet.</summary>
    public void RemoveFirst(SessionEntry session, HeldTotal total)
    {
        Packet* packet = _first;
        _first = packet->Next;
        if (_first == null) _last = null;
        Count--;
        Interlocked.Decrement(ref session.HeldPackets);
        Interlocked.Add(ref session.HeldBytes, -packet->Length);
        total.Remove(packet->Length);
        NativeMemory.Clear(packet + 1, (nuint)packet->Length);
        NativeMemory.Free(packet);
    }

    /// <summary>Drops everything; returns how many packets that were.</summary>
    public int Clear(SessionEntry session, HeldTotal total)
    {
        int dropped = Count;
        while (_first != null) RemoveFirst(session, total);
        return dropped;
    }
}

/// <summary>Bytes in all queues together.</summary>
internal sealed class HeldTotal
{
    private int _bytes;

    public int Bytes => Volatile.Read(ref _bytes);

    public bool TryAdd(int bytes)
    {
        if (Interlocked.Add(ref _bytes, bytes) <= HeldQueue.MaxTotalBytes) return true;
        Interlocked.Add(ref _bytes, -bytes);
        return false;
    }

    public void Remove(int bytes) => Interlocked.Add(ref _bytes, -bytes);
}
