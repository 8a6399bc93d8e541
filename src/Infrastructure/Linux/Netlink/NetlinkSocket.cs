using System.Runtime.InteropServices;
using System.Text;
using static JumpingVpn.Infrastructure.Linux.Netlink.NetlinkNumbers;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>What a receive on a netlink socket found.</summary>
internal enum NetlinkReceive
{
    Received,
    Empty,

    /// <summary>ENOBUFS: the kernel had to drop notifications, so what is known must be read anew.</summary>
    Lost,
}

/// <summary>
/// An AF_NETLINK socket for NETLINK_ROUTE, in the network namespace of the thread that opened it. Only datagrams from the
/// kernel are looked at. Not for use by two threads at once.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    /// <summary>The kernel fills dump datagrams up to 32 KiB; a notification is far smaller.</summary>
    private const int BufferSize = 64 << 10;

    private const int AddressSize = 12;

    /// <summary>The kernel answers at once; this only keeps a fault from blocking for ever.</summary>
    private const int TimeoutSeconds = 5;

    private const int DumpTries = 16;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _descriptor;
    private uint _sequence;

    /// <param name="groups">Notification groups to join; 0 for requests only.</param>
    /// <param name="receiveBuffer">Bytes of receive buffer to ask for; 0 for the system's default.</param>
    public NetlinkSocket(uint groups = 0, int receiveBuffer = 0)
    {
        _descriptor = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, NETLINK_ROUTE);
        if (_descriptor < 0) throw LinuxException.Last("open a netlink socket");
        try
        {
            if (receiveBuffer > 0 && !SetOption(Libc.SOL_SOCKET, Libc.SO_RCVBUFFORCE, receiveBuffer))
                _ = SetOption(Libc.SOL_SOCKET, Libc.SO_RCVBUF, receiveBuffer);
            _ = SetOption(Libc.SOL_NETLINK, NETLINK_EXT_ACK, 1);
            long* timeout = stackalloc long[] { TimeoutSeconds, 0 };
            _ = Libc.setsockopt(_descriptor, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, timeout, 2 * sizeof(long));
            byte* address = stackalloc byte[AddressSize];
            new Span<byte>(address, AddressSize).Clear();
            *(ushort*)address = Libc.AF_NETLINK;
            *(uint*)(address + 8) = groups;
            if (Libc.bind(_descriptor, address, AddressSize) < 0) throw LinuxException.Last("bind a netlink socket");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public delegate void MessageHandler(in NetlinkMessage message);

    public int Descriptor => _descriptor;

    /// <summary>
    /// Sends a request and waits for the kernel's verdict: 0, or the error number with the kernel's own words if it has any.
    /// </summary>
    public (int Errno, string? Text) Request(scoped NetlinkWriter writer)
    {
        uint sequence = Send(writer.Finish(), NLM_F_ACK);
        while (true)
        {
            var messages = new NetlinkMessages(ReceiveOrThrow());
            while (messages.TryNext(out NetlinkMessage message))
            {
                if (message.Sequence == sequence && message.Type == NLMSG_ERROR) return ReadVerdict(message);
            }
        }
    }

    /// <summary>
    /// Sends a dump request and hands every answer to <paramref name="handler"/>. If the tables changed meanwhile (NLM_F_DUMP_INTR), so
    /// that the answer may have gaps, it calls <paramref name="restart"/> and asks again.
    /// </summary>
    public void Dump(string what, scoped NetlinkWriter writer, Action restart, MessageHandler handler)
    {
        Span<byte> request = writer.Finish();
        for (int i = 0; i < DumpTries; i++)
        {
            if (i > 0) restart();
            if (DumpOnce(what, request, handler)) return;
        }
        throw LinuxException.Refused($"{what}: the kernel's tables changed during each of {DumpTries} readings");
    }

    /// <summary>Takes one waiting notification datagram; it is valid until the next call.</summary>
    public NetlinkReceive TryReceive(out ReadOnlySpan<byte> datagram)
    {
        while (true)
        {
            switch (Receive(Libc.MSG_DONTWAIT, out datagram))
            {
                case 0: return NetlinkReceive.Received;
                case Libc.EINTR: continue;
                case Libc.EAGAIN: return NetlinkReceive.Empty;
                case Libc.ENOBUFS: return NetlinkReceive.Lost;
                case int errno: throw new LinuxException("receive from netlink", errno);
            }
        }
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0) _ = Libc.close(descriptor);
    }

    private bool DumpOnce(string what, Span<byte> request, MessageHandler handler)
    {
        uint sequence = Send(request, NLM_F_DUMP);
        bool whole = true;
        while (true)
        {
            var messages = new NetlinkMessages(ReceiveOrThrow());
            while (messages.TryNext(out NetlinkMessage message))
            {
                if (message.Sequence != sequence) continue;
                if ((message.Flags & NLM_F_DUMP_INTR) != 0) whole = false;
                switch (message.Type)
                {
                    case NLMSG_ERROR when ReadVerdict(message) is { Errno: not 0 } verdict:
                        throw new LinuxException(what, verdict.Errno);
                    case NLMSG_DONE:
                        return whole;
                    case NLMSG_ERROR:
                        break;
                    default:
                        handler(message);
                        break;
                }
            }
            if (messages.Malformed) throw LinuxException.Refused($"{what}: the kernel's answer is malformed");
        }
    }

    private uint Send(Span<byte> request, ushort flags)
    {
        uint sequence = ++_sequence;
        MemoryMarshal.Write(request[6..], (ushort)(MemoryMarshal.Read<ushort>(request[6..]) | flags));
        MemoryMarshal.Write(request[8..], sequence);
        fixed (byte* bytes = request)
        {
            nint sent;
            do sent = Libc.send(_descriptor, bytes, (nuint)request.Length, Libc.MSG_NOSIGNAL);
            while (Libc.Interrupted(sent));
            if (sent < 0) throw LinuxException.Last("send to netlink");
        }
        return sequence;
    }

    private ReadOnlySpan<byte> ReceiveOrThrow()
    {
        while (true)
        {
            int errno = Receive(0, out ReadOnlySpan<byte> datagram);
            if (errno == 0) return datagram;
            if (errno != Libc.EINTR)
                throw new LinuxException("wait for netlink's answer", errno == Libc.EAGAIN ? Libc.ETIMEDOUT : errno);
        }
    }

    /// <summary>Returns 0 or an error number. A datagram from another process, or one cut short, reads as none at all.</summary>
    private int Receive(int flags, out ReadOnlySpan<byte> datagram)
    {
        byte* sender = stackalloc byte[AddressSize];
        fixed (byte* bytes = _buffer)
        {
            Libc.IoVec vector;
            vector.Base = bytes;
            vector.Length = BufferSize;
            Libc.MsgHdr message = default;
            message.Name = sender;
            message.NameLength = AddressSize;
            message.Vectors = &vector;
            message.VectorCount = 1;
            nint length = Libc.recvmsg(_descriptor, &message, flags);
            datagram = default;
            if (length < 0) return Libc.errno;
            bool fromKernel = message.NameLength == AddressSize && *(uint*)(sender + 4) == 0;
            if (!fromKernel) return Libc.EINTR;
            if ((message.Flags & Libc.MSG_TRUNC) != 0) return Libc.ENOBUFS;
            datagram = _buffer.AsSpan(0, (int)length);
            return 0;
        }
    }

    /// <summary>struct nlmsgerr: the negated error number, the request's header (and body unless capped), then attributes.</summary>
    private static (int Errno, string? Text) ReadVerdict(in NetlinkMessage message)
    {
        if (message.Body.Length < sizeof(int) + NetlinkMessages.HeaderSize) return (Libc.EIO, null);
        int errno = -MemoryMarshal.Read<int>(message.Body);
        if (errno == 0 || (message.Flags & NLM_F_ACK_TLVS) == 0) return (errno, null);
        uint echoed = (message.Flags & NLM_F_CAPPED) != 0 ? NetlinkMessages.HeaderSize : MemoryMarshal.Read<uint>(message.Body[4..]);
        if (echoed > (uint)message.Body.Length - sizeof(int)) return (errno, null);
        int start = NetlinkAttributes.Align(sizeof(int) + (int)echoed);
        var attributes = new NetlinkAttributes(start < message.Body.Length ? message.Body[start..] : default);
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            if (type == NLMSGERR_ATTR_MSG) return (errno, Encoding.UTF8.GetString(value).TrimEnd('\0'));
        }
        return (errno, null);
    }

    private bool SetOption(int level, int name, int value) =>
        Libc.setsockopt(_descriptor, level, name, &value, sizeof(int)) == 0;
}
