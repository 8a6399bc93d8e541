using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Sends datagrams of one size (the last may be shorter) that lie one after the other in memory: with UDP segmentation by one
/// sendmsg, else by sendmmsg. One for each thread that sends.
/// </summary>
internal sealed unsafe class DatagramSender(IDataPlaneEvents events, DropCounters drops, bool forControl) : IDisposable
{
    /// <summary>Datagrams in one batch (the kernel's limit for UDP segmentation, UDP_MAX_SEGMENTS, was 64 up to Linux 6.8).</summary>
    public const int MaxDatagrams = 64;

    /// <summary>Bytes of one batch: the largest UDP payload over IPv4.</summary>
    public const int MaxBytes = 65507;

    private const int ControlRoom = 128;
    private const int WritableTimeoutMilliseconds = 5;
    private const int In6PktInfoSize = 20;
    private const int Flags = Libc.MSG_DONTWAIT | Libc.MSG_NOSIGNAL;

    private readonly NativeBuffer _memory = new(32 + ControlRoom + MaxDatagrams * (sizeof(Libc.IoVec) + sizeof(Libc.MMsgHdr)));
    private PacketSource? _named;
    private uint _nameLength;
    private nuint _sourceLength;

    private byte* Name => _memory.Start;

    private byte* Control => _memory.Start + 32;

    private Libc.IoVec* Vectors => (Libc.IoVec*)(Control + ControlRoom);

    private Libc.MMsgHdr* Messages => (Libc.MMsgHdr*)(Vectors + MaxDatagrams);

    /// <summary>Sends a batch; false if any of it was dropped (counted, and reported where the reason is a local one).</summary>
    /// <param name="binding">Where to.</param>
    /// <param name="data">The datagrams.</param>
    /// <param name="bytes">Their length together.</param>
    /// <param name="size">Length of each but the last.</param>
    /// <param name="count">How many.</param>
    /// <param name="now">The time.</param>
    /// <param name="mayFragment">Let the kernel fragment the outer packet whatever the socket's setting.</param>
    public bool Send(Binding binding, byte* data, int bytes, int size, int count, Instant now, bool mayFragment)
    {
        if (binding.Socket is not { Removed: false } socket)
        {
            drops.Add(DropReason.SocketGone, count);
            return false;
        }
        Address(socket, binding.Transport);
        if (mayFragment) return SendFragmented(socket, data, bytes, now);
        if (count == 1) return SendEach(socket, data, bytes, size, 1, now);
        if (now.Ticks >= socket.SegmentationOffUntil)
        {
            int errno = SendSegmented(socket, data, bytes, size);
            if (errno == 0) return true;
            if (errno is not (Libc.EIO or Libc.EINVAL or Libc.EMSGSIZE)) return Fail(socket, errno, count, now);
            // EIO: the device cannot finish checksums and never will. The others may be about this size or route only.
            socket.SegmentationOffUntil = errno == Libc.EIO ? long.MaxValue : now.Ticks + TimeSpan.TicksPerSecond;
            drops.Add(DropReason.SegmentationRefused);
        }
        return SendEach(socket, data, bytes, size, count, now);
    }

    public void Dispose() => _memory.Dispose();

    private int SendSegmented(SocketEntry socket, byte* data, int bytes, int size)
    {
        var header = (Libc.CmsgHdr*)(Control + _sourceLength);
        header->Level = Libc.SOL_UDP;
        header->Type = Libc.UDP_SEGMENT;
        header->Length = (nuint)(sizeof(Libc.CmsgHdr) + sizeof(ushort));
        *(ulong*)(header + 1) = (ushort)size;
        Prepare(0, socket, data, bytes);
        Messages->Header.Control = Control;
        Messages->Header.ControlLength = _sourceLength + (nuint)sizeof(Libc.CmsgHdr) + 8;
        for (int attempt = 0; ; attempt++)
        {
            if (Libc.sendmsg(socket.Descriptor, &Messages->Header, Flags) >= 0) return 0;
            int errno = Libc.errno;
            if (!DeservesAnotherTry(socket, errno, attempt)) return errno;
        }
    }

    private bool SendEach(SocketEntry socket, byte* data, int bytes, int size, int count, Instant now)
    {
        for (int i = 0; i < count; i++) Prepare(i, socket, data + i * size, Math.Min(size, bytes - i * size));
        int sent = 0;
        for (int attempt = 0; sent < count;)
        {
            int taken = count == 1
                ? (Libc.sendmsg(socket.Descriptor, &Messages->Header, Flags) >= 0 ? 1 : -1)
                : Libc.sendmmsg(socket.Descriptor, Messages + sent, (uint)(count - sent), Flags);
            if (taken > 0)
            {
                sent += taken;
                attempt = 0;
                continue;
            }
            int errno = Libc.errno;
            if (!DeservesAnotherTry(socket, errno, attempt++)) return Fail(socket, errno, count - sent, now);
        }
        return true;
    }

    private bool SendFragmented(SocketEntry socket, byte* data, int bytes, Instant now)
    {
        int level = socket.IsIPv6 ? Libc.SOL_IPV6 : Libc.SOL_IP;
        int option = socket.IsIPv6 ? Libc.IPV6_MTU_DISCOVER : Libc.IP_MTU_DISCOVER;
        int before;
        uint length = sizeof(int);
        bool known = Libc.getsockopt(socket.Descriptor, level, option, &before, &length) == 0;
        int fragment = Libc.IP_PMTUDISC_DONT;
        if (known) _ = Libc.setsockopt(socket.Descriptor, level, option, &fragment, sizeof(int));
        bool sent = SendEach(socket, data, bytes, bytes, 1, now);
        if (known) _ = Libc.setsockopt(socket.Descriptor, level, option, &before, sizeof(int));
        return sent;
    }

    /// <summary>
    /// Waits a little where the buffer is full. Any other error is tried once more: on a connected socket the kernel reports an
    /// earlier ICMP error instead of sending, and only what comes twice is this host's own.
    /// </summary>
    private static bool DeservesAnotherTry(SocketEntry socket, int errno, int attempt)
    {
        if (errno == Libc.EINTR) return true;
        if (attempt > 0) return false;
        if (errno != Libc.EAGAIN) return true;
        Libc.PollFd writable;
        writable.Descriptor = socket.Descriptor;
        writable.Events = Libc.POLLOUT;
        return Libc.poll(&writable, 1, WritableTimeoutMilliseconds) > 0;
    }

    private bool Fail(SocketEntry socket, int errno, int count, Instant now)
    {
        if (errno is Libc.EAGAIN or Libc.ENOBUFS)
        {
            drops.Add(DropReason.SendBufferFull, count);
            return false;
        }
        drops.Add(DropReason.SendFailed, count);
        bool report = forControl ? socket.ControlErrors.TryTake(now) : socket.SendErrors.TryTake(now);
        if (report) events.SendFailed(socket.Socket, errno);
        return false;
    }

    private void Prepare(int index, SocketEntry socket, byte* data, int length)
    {
        Vectors[index].Base = data;
        Vectors[index].Length = (nuint)length;
        ref Libc.MsgHdr message = ref Messages[index].Header;
        message = default;
        if (!socket.Connected)
        {
            message.Name = Name;
            message.NameLength = _nameLength;
        }
        message.Vectors = Vectors + index;
        message.VectorCount = 1;
        message.Control = _sourceLength == 0 ? null : Control;
        message.ControlLength = _sourceLength;
    }

    /// <summary>Writes the remote's name and, where the transport names it, the local address to send from.</summary>
    private void Address(SocketEntry socket, PacketSource transport)
    {
        if (ReferenceEquals(transport, _named)) return;
        _named = transport;
        _nameLength = SockAddr.Write(transport.Address.Remote, Name);
        _sourceLength = 0;
        Endpoint local = transport.Address.Local;
        if (local.IsUnspecified) return;
        new Span<byte>(Control, ControlRoom).Clear();
        var header = (Libc.CmsgHdr*)Control;
        if (socket.IsIPv6)
        {
            header->Level = Libc.SOL_IPV6;
            header->Type = Libc.IPV6_PKTINFO;
            header->Length = (nuint)(sizeof(Libc.CmsgHdr) + In6PktInfoSize);
            BinaryPrimitives.WriteUInt128BigEndian(new(header + 1, 16), local.Address);
            _sourceLength = (nuint)sizeof(Libc.CmsgHdr) + 24;
            return;
        }
        header->Level = Libc.SOL_IP;
        header->Type = Libc.IP_PKTINFO;
        header->Length = (nuint)(sizeof(Libc.CmsgHdr) + sizeof(Libc.InPktInfo));
        ((Libc.InPktInfo*)(header + 1))->SpecificDestination = BinaryPrimitives.ReverseEndianness((uint)local.Address);
        _sourceLength = (nuint)sizeof(Libc.CmsgHdr) + 16;
    }
}
