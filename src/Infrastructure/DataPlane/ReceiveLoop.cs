using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// The receiving thread: waits on all sockets, takes the datagrams that are there, many at a time and joined by the kernel where it can
/// (UDP_GRO), has them checked and opened in place, and writes them into the TUN device.
/// </summary>
internal sealed unsafe class ReceiveLoop : IDisposable
{
    private const int WakeToken = 0;
    private const int MaxMessages = 32;
    private const int BufferSize = 65536;

    // Not a power of two: messages at the same offsets of a page-sized stride would compete for the same cache lines.
    private const int Stride = BufferSize + 4096 + 128;
    private const int NameRoom = 32;
    private const int ControlRoom = 128;
    private const int RoundsPerSocket = 4;
    private const int MaxQueuedErrors = 32;

    /// <summary>While a shield is up the thread looks at it that often, also if nothing comes.</summary>
    private static readonly TimeSpan ShieldReview = TimeSpan.FromMilliseconds(100);

    private readonly ReadMostlyTable<int, SocketEntry> _sockets;
    private readonly IDataPlaneEvents _events;
    private readonly ServingDeadline _deadline;
    private readonly Func<Instant> _clock;
    private readonly Func<Instant> _uptime;
    private readonly PacketOpener _opener;
    private readonly TunWriter _tun;
    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new();
    private readonly NativeBuffer _buffers = new(MaxMessages * Stride);
    private readonly NativeBuffer _headers = new(MaxMessages * (sizeof(Libc.MMsgHdr) + sizeof(Libc.IoVec) + NameRoom + ControlRoom));
    private readonly List<SocketEntry> _shielded = new(capacity: 16);
    private KeyEpoch? _released;
    private volatile bool _stop;
    private long _allocatedBytes;
    private int _messages = MaxMessages;

    public ReceiveLoop(
        int tun,
        bool udpSegmentation,
        ReadMostlyTable<int, SocketEntry> sockets,
        ReadMostlyTable<uint, KeyEpoch> epochs,
        IDataPlaneEvents events,
        ServingDeadline deadline,
        Func<Instant> clock,
        Func<Instant> uptime,
        HeldTotal held)
    {
        _sockets = sockets;
        _events = events;
        _deadline = deadline;
        _clock = clock;
        _uptime = uptime;
        _tun = new(tun, udpSegmentation, deadline, Drops);
        _opener = new(epochs, _tun, events, held, Drops);
        _epoll.Add(_wake.Descriptor, EpollEvents.Readable, WakeToken);
        for (int i = 0; i < MaxMessages; i++) Prepare(i);
    }

    public DropCounters Drops { get; } = new();

    public Quiescence Quiescence { get; } = new();

    /// <summary>Bytes that this thread has allocated on the managed heap, as of its last batch.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

    private Libc.MMsgHdr* Messages => (Libc.MMsgHdr*)_headers.Start;

    private Libc.IoVec* Vectors => (Libc.IoVec*)(Messages + MaxMessages);

    private byte* Names => (byte*)(Vectors + MaxMessages);

    private byte* Controls => Names + MaxMessages * NameRoom;

    public void Run()
    {
        Span<EpollReady> ready = stackalloc EpollReady[Epoll.MaxReady];
        while (!_stop)
        {
            int count = _epoll.Wait(ready, _shielded.Count == 0 ? Timeout.InfiniteTimeSpan : ShieldReview);
            for (int i = 0; i < count && !_stop; i++)
            {
                Quiescence.Enter();
                try
                {
                    if (ready[i].Token == WakeToken) Woken();
                    else if (_sockets.Find(ready[i].Token) is { Removed: false } socket) Receive(socket, ready[i].Events);
                }
                finally
                {
                    Quiescence.Leave();
                }
            }
            if (_shielded.Count != 0) ReviewShields();
            Volatile.Write(ref _allocatedBytes, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    public void Stop()
    {
        _stop = true;
        _wake.Signal();
    }

    /// <summary>Command thread: starts to wait on a socket that is in the table already.</summary>
    public void Watch(SocketEntry socket) => _epoll.Add(socket.Descriptor, EpollEvents.Readable, socket.Token);

    /// <summary>Command thread: stops waiting on a socket.</summary>
    public void Unwatch(SocketEntry socket) => _epoll.Remove(socket.Descriptor);

    /// <summary>Command thread: has what the epoch held delivered.</summary>
    public void Release(KeyEpoch epoch)
    {
        do epoch.NextReleased = Volatile.Read(ref _released);
        while (Interlocked.CompareExchange(ref _released, epoch, epoch.NextReleased) != epoch.NextReleased);
        _wake.Signal();
    }

    /// <summary>After <see cref="Run"/> has returned.</summary>
    public void Dispose()
    {
        _epoll.Dispose();
        _wake.Dispose();
        _tun.Dispose();
        _buffers.Dispose();
        _headers.Dispose();
    }

    private void Woken()
    {
        _ = _wake.Drain();
        KeyEpoch? epoch = Interlocked.Exchange(ref _released, null);
        while (epoch is not null)
        {
            KeyEpoch? next = epoch.NextReleased;
            epoch.NextReleased = null;
            _opener.Release(epoch);
            epoch = next;
        }
    }

    private void Receive(SocketEntry socket, EpollEvents events)
    {
        if ((events & EpollEvents.Error) != 0) TakeErrors(socket);
        for (int round = 0; round < RoundsPerSocket; round++)
        {
            int asked = _messages;
            int count = Libc.recvmmsg(socket.Descriptor, Messages, (uint)asked, Libc.MSG_DONTWAIT, null);
            if (count <= 0)
            {
                int errno = Libc.errno;
                if (errno is not (Libc.EAGAIN or Libc.EINTR)) Report(socket, errno);
                return;
            }
            Instant now = _clock();
            if (_deadline.IsOver()) DropAll(count);
            else
            {
                for (int i = 0; i < count; i++) Handle(i, socket, now);
                _tun.Flush();
            }
            if (socket.Shield is { NeedsReview: true } shield) Review(socket, shield);
            if (count < asked) return;
        }
    }

    private void Review(SocketEntry socket, FloodShield shield)
    {
        bool wasUp = shield.IsUp;
        shield.Review(_uptime());
        if (shield.IsUp && !wasUp) _shielded.Add(socket);
    }

    private void ReviewShields()
    {
        Quiescence.Enter();
        try
        {
            Instant now = _uptime();
            for (int i = _shielded.Count - 1; i >= 0; i--)
            {
                SocketEntry socket = _shielded[i];
                if (!socket.Removed) socket.Shield!.Review(now);
                if (socket.Removed || !socket.Shield!.IsUp) _shielded.RemoveAt(i);
            }
        }
        finally
        {
            Quiescence.Leave();
        }
    }

    private void Handle(int index, SocketEntry socket, Instant now)
    {
        ref Libc.MMsgHdr message = ref Messages[index];
        int length = (int)message.Length;
        byte* data = _buffers.Start + index * Stride;
        int size = length;
        UInt128 local = UInt128.Zero;
        for (Libc.CmsgHdr* header = Libc.NextControl(message.Header, null); header != null; header = Libc.NextControl(message.Header, header))
            ReadControl(header, ref size, ref local);
        bool truncated = (message.Header.Flags & Libc.MSG_TRUNC) != 0;
        Endpoint remote = SockAddr.Read(message.Header.Name, message.Header.NameLength);
        Reset(index);
        if (truncated)
        {
            Drops.Add(DropReason.Truncated);
            return;
        }
        var arrival = new Arrival(socket, remote, local, now);
        // Of a bundle that which did best: it is one sender's.
        var outcome = Outcome.VainData;
        int offset = 0;
        do
        {
            Outcome one = _opener.Handle(data + offset, Math.Min(size, length - offset), arrival);
            if (one > outcome) outcome = one;
            offset += size;
        }
        while (offset < length);
        socket.Shield?.Count(outcome);
    }

    private static void ReadControl(Libc.CmsgHdr* header, ref int size, ref UInt128 local)
    {
        byte* data = (byte*)(header + 1);
        if (header->Level == Libc.SOL_UDP && header->Type == Libc.UDP_GRO)
        {
            int announced = *(int*)data;
            if (announced > 0 && announced < size) size = announced;
        }
        else if (header->Level == Libc.SOL_IP && header->Type == Libc.IP_PKTINFO)
        {
            uint address = ((Libc.InPktInfo*)data)->SpecificDestination;
            local = Endpoint.FromIPv4(BinaryPrimitives.ReverseEndianness(address), 0).Address;
        }
        else if (header->Level == Libc.SOL_IPV6 && header->Type == Libc.IPV6_PKTINFO)
        {
            local = BinaryPrimitives.ReadUInt128BigEndian(new(data, 16));
        }
    }

    private void DropAll(int count)
    {
        Drops.Add(DropReason.NotServing, count);
        for (int i = 0; i < count; i++) Reset(i);
    }

    /// <summary>Empties the socket's error queue, which would keep it ready for ever, and reports what was in it.</summary>
    private void TakeErrors(SocketEntry socket)
    {
        byte* control = stackalloc byte[512];
        for (int i = 0; i < MaxQueuedErrors; i++)
        {
            Libc.MsgHdr message = default;
            message.Control = control;
            message.ControlLength = 512;
            if (Libc.recvmsg(socket.Descriptor, &message, Libc.MSG_DONTWAIT | Libc.MSG_ERRQUEUE) < 0) break;
            for (Libc.CmsgHdr* header = Libc.NextControl(message, null); header != null; header = Libc.NextControl(message, header))
            {
                bool isError = (header->Level, header->Type) is (Libc.SOL_IP, Libc.IP_RECVERR) or (Libc.SOL_IPV6, Libc.IPV6_RECVERR);
                if (isError) Report(socket, (int)((Libc.SockExtendedErr*)(header + 1))->Errno);
            }
        }
    }

    private void Report(SocketEntry socket, int errno)
    {
        if (socket.ReceiveErrors.TryTake(_clock())) _events.SendFailed(socket.Socket, errno);
    }

    private void Prepare(int index)
    {
        Vectors[index].Base = _buffers.Start + index * Stride;
        Vectors[index].Length = BufferSize;
        ref Libc.MsgHdr message = ref Messages[index].Header;
        message = default;
        message.Name = Names + index * NameRoom;
        message.Vectors = Vectors + index;
        message.VectorCount = 1;
        message.Control = Controls + index * ControlRoom;
        Reset(index);
    }

    /// <summary>The kernel writes the lengths that it used over those it was offered.</summary>
    private void Reset(int index)
    {
        ref Libc.MsgHdr message = ref Messages[index].Header;
        message.NameLength = NameRoom;
        message.ControlLength = ControlRoom;
        message.Flags = 0;
    }
}
