using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using JumpingVpn.Adversary.OnPath;

namespace JumpingVpn.Adversary.Flood;

/// <summary>Where a flood seems to come from.</summary>
public enum SourceSpread
{
    /// <summary>One address, many ports: clients behind one translator.</summary>
    Ports,

    /// <summary>Many addresses of one network: an IPv6 /64.</summary>
    Addresses,

    /// <summary>Many networks, one address of each: a flood from everywhere.</summary>
    Networks,
}

/// <summary>How fast a flood was.</summary>
public sealed record FloodReport(long Sent, long SentBytes, double Seconds)
{
    public double PerSecond => Sent / Seconds;
}

/// <summary>
/// Sends prepared frames round and round, as fast as one core can or at a rate, with sources as they please. The frames are made
/// before the first one is sent, so nothing but system calls is left.
/// </summary>
public sealed unsafe class FloodSender : IDisposable
{
    private readonly PacketSocket _socket;
    private readonly byte* _memory;
    private readonly PacketSocket.Vector* _vectors;
    private readonly PacketSocket.MultiMessage[] _messages;
    private readonly long _bytes;

    /// <param name="frames">At least one; rounded up to whole batches by repeating.</param>
    public FloodSender(PacketSocket socket, IReadOnlyList<Frame> frames)
    {
        _socket = socket;
        int count = (frames.Count + PacketSocket.BatchSize - 1) / PacketSocket.BatchSize * PacketSocket.BatchSize;
        _memory = (byte*)NativeMemory.Alloc((nuint)count * PacketSocket.MaxFrame);
        _vectors = (PacketSocket.Vector*)NativeMemory.Alloc((nuint)count, (nuint)sizeof(PacketSocket.Vector));
        _messages = new PacketSocket.MultiMessage[count];
        for (int i = 0; i < count; i++)
        {
            byte[] bytes = frames[i % frames.Count].Bytes;
            byte* place = _memory + (nint)i * PacketSocket.MaxFrame;
            bytes.CopyTo(new Span<byte>(place, PacketSocket.MaxFrame));
            _vectors[i] = new() { Base = place, Length = (nuint)bytes.Length };
            _messages[i] = new() { Vectors = _vectors + i, VectorCount = 1 };
            _bytes += bytes.Length;
        }
    }

    /// <summary>The frames of a flood.</summary>
    public static IReadOnlyList<Frame> MakeFrames(
        FloodKind kind, FloodKnowledge known, byte[] fromMac, byte[] toMac, IPEndPoint first, IPEndPoint to, SourceSpread spread, int sources) =>
        [.. Enumerable.Range(0, sources).Select(number =>
            Frame.Make(fromMac, toMac, SourceOf(first, spread, number), to, FloodDatagrams.Make(kind, known, number)))];

    /// <summary>The source of a flood's frame: <paramref name="first"/>, moved on.</summary>
    public static IPEndPoint SourceOf(IPEndPoint first, SourceSpread spread, int number)
    {
        if (spread == SourceSpread.Ports) return new(first.Address, first.Port + number);
        byte[] address = first.Address.GetAddressBytes();
        // Networks of IPv6 differ in the bytes before the interface's half, addresses behind it.
        int low = spread == SourceSpread.Networks && address.Length == 16 ? 7 : address.Length - 1;
        address[low] = (byte)(address[low] + number);
        address[low - 1] = (byte)(address[low - 1] + ((first.Address.GetAddressBytes()[low] + number) >> 8));
        return new(new IPAddress(address), first.Port);
    }

    /// <summary>Sends for some time.</summary>
    /// <param name="rate">Frames a second; 0: as many as the core can.</param>
    /// <param name="stop">Ends it early.</param>
    public FloodReport Run(TimeSpan time, double rate = 0, CancellationToken stop = default)
    {
        long start = Stopwatch.GetTimestamp(), end = start + (long)(time.TotalSeconds * Stopwatch.Frequency), sent = 0;
        int next = 0;
        for (long now = start; now < end && !stop.IsCancellationRequested; now = Stopwatch.GetTimestamp())
        {
            if (rate > 0 && sent > rate * (now - start) / Stopwatch.Frequency)
            {
                Thread.Sleep(1);
                continue;
            }
            int taken = _socket.TrySend(_messages.AsSpan(next, PacketSocket.BatchSize));
            if (taken == 0) Thread.Yield();
            sent += taken;
            next = (next + PacketSocket.BatchSize) % _messages.Length;
        }
        return new(sent, (long)(sent * ((double)_bytes / _messages.Length)), Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public void Dispose()
    {
        NativeMemory.Free(_memory);
        NativeMemory.Free(_vectors);
        _socket.Dispose();
    }
}
