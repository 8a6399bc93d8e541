using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// The sending thread: reads packets from the TUN device, finds each one's session, seals it, and sends what is already there as one
/// batch. It never waits for more.
/// </summary>
internal sealed unsafe class TransmitLoop : IDisposable
{
    private const int PlainSize = 128 * 1024;
    private const int SealedSize = 128 * 1024;

    /// <summary>Where a packet read from the TUN device begins: room before it for its virtio header, and aligned.</summary>
    private const int PacketOffset = 64;

    /// <summary>Packets that are read before the thread lets go of the table.</summary>
    private const int MaxReads = 128;

    private const int ErrorsPerSecond = 100;
    private const int DeviceGoneTimeoutMilliseconds = 100;

    private readonly int _tun;
    private readonly RouteTable _routes;
    private readonly IDataPlaneEvents _events;
    private readonly ServingDeadline _deadline;
    private readonly Func<Instant> _clock;
    private readonly NativeBuffer _plain = new(PlainSize);
    private readonly NativeBuffer _sealed = new(SealedSize);
    private readonly Superpacket _superpacket = new();
    private readonly DatagramSender _sender;
    private readonly TunWriter _tunWriter;
    private readonly EventFd _wake = new();
    private RateLimit _icmp = new(ErrorsPerSecond);
    private volatile bool _stop;
    private Instant _now;

    // The batch that is being gathered: datagrams of one size, the last may be shorter and closes it.
    private Binding? _binding;
    private int _count;
    private int _bytes;
    private int _size;
    private bool _closed;

    public TransmitLoop(int tun, RouteTable routes, IDataPlaneEvents events, ServingDeadline deadline, Func<Instant> clock)
    {
        _tun = tun;
        _routes = routes;
        _events = events;
        _deadline = deadline;
        _clock = clock;
        _sender = new(events, Drops, forControl: false);
        _tunWriter = new(tun, udpSegmentation: false, deadline, Drops);
    }

    public DropCounters Drops { get; } = new();

    public Quiescence Quiescence { get; } = new();

    /// <summary>Bytes that this thread has allocated on the managed heap, as of the last time it waited.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

    private long _allocatedBytes;

    public void Run()
    {
        while (!_stop)
        {
            ReadResult last;
            Quiescence.Enter();
            try
            {
                last = Burst();
            }
            finally
            {
                Quiescence.Leave();
            }
            Volatile.Write(ref _allocatedBytes, GC.GetAllocatedBytesForCurrentThread());
            if (last != ReadResult.Packet) Wait(last);
        }
    }

    public void Stop()
    {
        _stop = true;
        _wake.Signal();
    }

    /// <summary>After <see cref="Run"/> has returned.</summary>
    public void Dispose()
    {
        _wake.Dispose();
        _sender.Dispose();
        _tunWriter.Dispose();
        _superpacket.Dispose();
        _plain.Dispose();
        _sealed.Dispose();
    }

    private enum ReadResult
    {
        Packet,
        Empty,
        Failed,
    }

    private ReadResult Burst()
    {
        _now = _clock();
        ReadResult result = ReadResult.Packet;
        for (int i = 0; i < MaxReads && result == ReadResult.Packet; i++) result = ReadOne();
        Flush();
        return result;
    }

    private ReadResult ReadOne()
    {
        byte* ip = _plain.Start + PacketOffset;
        byte* virtio = ip - VirtioNetHeader.Size;
        nint read = Libc.read(_tun, virtio, PlainSize - PacketOffset);
        if (read <= 0)
        {
            // Nothing at all is what a descriptor gives whose other end is gone.
            int errno = read == 0 ? Libc.EIO : Libc.errno;
            if (errno == Libc.EINTR) return ReadResult.Packet;
            if (errno == Libc.EAGAIN) return ReadResult.Empty;
            // Somebody removed the device: it does not come back, and neither would any packet.
            if (errno == Libc.EBADFD) throw new LinuxException("read from the TUN device", errno);
            Drops.Add(DropReason.TunRead);
            return ReadResult.Failed;
        }
        if (!InnerPacket.TryRead(ip, (int)read - VirtioNetHeader.Size, out InnerPacket packet)) Drops.Add(DropReason.TunMalformed);
        else Forward((VirtioNetHeader*)virtio, packet);
        return ReadResult.Packet;
    }

    private void Wait(ReadResult why)
    {
        Libc.PollFd* waited = stackalloc Libc.PollFd[2];
        waited[0].Descriptor = _wake.Descriptor;
        waited[0].Events = Libc.POLLIN;
        waited[1].Descriptor = _tun;
        waited[1].Events = Libc.POLLIN;
        // A device that is gone would be reported as ready for ever.
        if (why == ReadResult.Failed) _ = Libc.poll(waited, 1, DeviceGoneTimeoutMilliseconds);
        else _ = Libc.poll(waited, 2, -1);
    }

    private void Forward(VirtioNetHeader* virtio, in InnerPacket packet)
    {
        SessionEntry? session = packet.IsIPv4 ? _routes.Find(packet.Destination4) : _routes.Find(packet.Destination6);
        if (session is null)
        {
            Drops.Add(DropReason.NoRoute);
            Refuse(packet, 0);
            return;
        }
        if (session.TryDisarm()) _events.TrafficResumed(session.Id);
        if (session.Binding is null)
        {
            Drops.Add(DropReason.NotBound);
            return;
        }
        if (virtio->GsoType == VirtioNetHeader.GsoNone) ForwardOne(virtio, packet, session);
        else ForwardSuperpacket(virtio, packet, session);
    }

    private void ForwardOne(VirtioNetHeader* virtio, in InnerPacket packet, SessionEntry session)
    {
        int mtu = session.InnerMtu;
        bool tooBig = packet.Length > mtu;
        if (tooBig && packet.DontFragment)
        {
            Drops.Add(DropReason.TooBig);
            Refuse(packet, mtu);
            return;
        }
        byte flags = 0;
        if ((virtio->Flags & VirtioNetHeader.NeedsChecksum) != 0 && !TryLeaveChecksum(virtio, packet, ref flags))
        {
            Drops.Add(DropReason.TunMalformed);
            return;
        }
        if (tooBig) Flush();
        if (!Append(session, packet.Ip, packet.Length, flags)) return;
        session.Sent.Add(1, packet.Length);
        if (tooBig) Flush(mayFragment: true);
    }

    private void ForwardSuperpacket(VirtioNetHeader* virtio, in InnerPacket packet, SessionEntry session)
    {
        if (!_superpacket.TryOpen(*virtio, packet))
        {
            Drops.Add(DropReason.TunMalformed);
            return;
        }
        int mtu = session.InnerMtu;
        bool tooBig = _superpacket.LargestSegment > mtu;
        if (tooBig && packet.DontFragment)
        {
            Drops.Add(DropReason.TooBig, _superpacket.Count);
            Refuse(packet, mtu);
            return;
        }
        if (!TryReserve(session, _superpacket.Count, out Binding? binding, out ulong counter)) return;
        if (tooBig) Flush();
        byte checksum = _superpacket.ChecksumCanBeMissing ? PacketHeader.ChecksumMissing : (byte)0;
        int count = _superpacket.Count;
        for (int i = 0; i < count; i++)
        {
            byte* segment = _superpacket.Segment(i, out int length);
            byte flags = i == 0 ? checksum : (byte)(checksum | PacketHeader.Continues);
            Seal(binding, segment, length, flags, counter + (ulong)i);
            if (tooBig) Flush(mayFragment: true);
        }
        session.Sent.Add(count, count * _superpacket.HeaderLength + _superpacket.PayloadLength);
    }

    /// <summary>Leaves the checksum to the receiver if it is one that a receiver can fill in, else fills it in.</summary>
    private static bool TryLeaveChecksum(VirtioNetHeader* virtio, in InnerPacket packet, ref byte flags)
    {
        int start = virtio->ChecksumStart, offset = virtio->ChecksumOffset;
        if (start < packet.HeaderLength || start + offset + 2 > packet.Length) return false;
        if (packet.ChecksumOffset == offset && offset != 0 && start == packet.HeaderLength)
        {
            *(ushort*)(packet.Ip + start + offset) = 0;
            flags = PacketHeader.ChecksumMissing;
            return true;
        }
        // The field holds the pseudo header's sum already.
        ushort checksum = (ushort)~InternetChecksum.Fold(InternetChecksum.Sum(packet.Ip + start, packet.Length - start));
        *(ushort*)(packet.Ip + start + offset) = checksum == 0 ? (ushort)0xFFFF : checksum;
        return true;
    }

    private bool Append(SessionEntry session, byte* packet, int length, byte flags)
    {
        if (!TryReserve(session, 1, out Binding? binding, out ulong counter)) return false;
        Seal(binding, packet, length, flags, counter);
        return true;
    }

    /// <summary>Takes counters of the epoch that the session is bound to. If that one has just been closed, the next is there already.</summary>
    private bool TryReserve(SessionEntry session, int count, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Binding? binding, out ulong counter)
    {
        counter = 0;
        for (int attempt = 0; attempt < 4; attempt++)
        {
            binding = session.Binding;
            if (binding is null)
            {
                Drops.Add(DropReason.NotBound, count);
                return false;
            }
            if (binding.Epoch.TryReserve(count, out counter)) return true;
        }
        binding = null;
        Drops.Add(DropReason.CounterEnd, count);
        return false;
    }

    /// <summary>Seals a packet behind the batch, after sending the batch where the packet does not fit it.</summary>
    private void Seal(Binding binding, byte* packet, int length, byte flags, ulong counter)
    {
        int size = length + PacketHeader.Overhead;
        if (_count != 0)
        {
            bool fits = !_closed && size <= _size && _count < DatagramSender.MaxDatagrams && _bytes + size <= DatagramSender.MaxBytes;
            if (!fits || !ReferenceEquals(binding, _binding)) Flush();
        }
        if (_count == 0)
        {
            _binding = binding;
            _size = size;
            _closed = false;
        }
        byte* datagram = _sealed.Start + _bytes;
        PacketHeader.Write(datagram, flags, binding.Epoch.RemoteIndex, counter);
        binding.Epoch.PacketKeys.Seal(datagram, packet, length);
        _bytes += size;
        _count++;
        _closed = size < _size;
    }

    private void Flush(bool mayFragment = false)
    {
        if (_count == 0) return;
        Binding binding = _binding!;
        int count = _count, bytes = _bytes;
        _binding = null;
        _count = 0;
        _bytes = 0;
        if (_deadline.IsOver())
        {
            Drops.Add(DropReason.NotServing, count);
            return;
        }
        if (_sender.Send(binding, _sealed.Start, bytes, _size, count, _now, mayFragment))
            binding.Epoch.Session.Sent.Last = _now.Ticks;
    }

    /// <summary>Tells the packet's sender: "too big" with an MTU, else "unreachable".</summary>
    private void Refuse(in InnerPacket packet, int mtu)
    {
        if (!_icmp.TryTake(_now))
        {
            Drops.Add(DropReason.IcmpLimited);
            return;
        }
        byte* error = stackalloc byte[VirtioNetHeader.Size + IcmpErrors.MaxSize];
        byte* ip = error + VirtioNetHeader.Size;
        int length = mtu != 0 ? IcmpErrors.TooBig(packet, mtu, ip) : IcmpErrors.Unreachable(packet, ip);
        if (length == 0 || _deadline.IsOver()) return;
        Drops.Add(DropReason.IcmpSent);
        _tunWriter.WriteSingle(error, VirtioNetHeader.Size + length);
    }
}
