using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux;

// Single datagrams, for control messages.
public sealed unsafe partial class UdpSocket
{
    private const int ControlRoom = 256;

    /// <summary>sizeof(struct in6_pktinfo): address and interface index.</summary>
    private const int In6PktInfoSize = 20;

    /// <summary>Sends one datagram to <see cref="Remote"/>.</summary>
    public SendResult TrySend(ReadOnlySpan<byte> datagram) =>
        Remote is { } remote ? TrySendTo(remote, null, datagram) : new(SendStatus.LocalError, Libc.EINVAL);

    /// <summary>Sends one datagram.</summary>
    /// <param name="destination">Of the socket's own address family.</param>
    /// <param name="source">The local address to send from, as one that a datagram came in for; null leaves it to the kernel.</param>
    /// <param name="datagram">At most 65507 bytes over IPv4.</param>
    public SendResult TrySendTo(in Endpoint destination, UInt128? source, ReadOnlySpan<byte> datagram)
    {
        if (destination.IsIPv4 != IsIPv4) return new(SendStatus.LocalError, Libc.EAFNOSUPPORT);
        byte* name = stackalloc byte[SockAddr.MaxSize];
        byte* control = stackalloc byte[ControlRoom];
        fixed (byte* payload = datagram)
        {
            Libc.IoVec vector;
            vector.Base = payload;
            vector.Length = (nuint)datagram.Length;
            Libc.MsgHdr message = default;
            message.Name = name;
            message.NameLength = SockAddr.Write(destination, name, _scope);
            message.Vectors = &vector;
            message.VectorCount = 1;
            if (source is { } local)
            {
                message.Control = control;
                message.ControlLength = WriteSource(control, local);
            }
            return Send(&message);
        }
    }

    /// <summary>Takes one datagram, or with receive offload one bundle of them, out of the socket.</summary>
    public ReceiveStatus TryReceive(Span<byte> buffer, out ReceivedDatagram datagram)
    {
        datagram = default;
        byte* name = stackalloc byte[SockAddr.MaxSize];
        byte* control = stackalloc byte[ControlRoom];
        fixed (byte* bytes = buffer)
        {
            Libc.IoVec vector;
            vector.Base = bytes;
            vector.Length = (nuint)buffer.Length;
            Libc.MsgHdr message = default;
            message.Vectors = &vector;
            message.VectorCount = 1;
            nint length;
            int attempt = 0;
            do
            {
                message.Name = name;
                message.NameLength = SockAddr.MaxSize;
                message.Control = control;
                message.ControlLength = ControlRoom;
                length = Libc.recvmsg(_descriptor, &message, Libc.MSG_DONTWAIT);
            }
            while (length < 0 && MayBePending(Libc.errno, attempt++));
            if (length < 0) return Libc.errno == Libc.EAGAIN ? ReceiveStatus.Empty : ReceiveStatus.Failed;
            datagram = Describe(message, (int)length);
            return ReceiveStatus.Received;
        }
    }

    /// <summary>Takes one entry from the error queue (<see cref="UdpSocketOptions.ReceiveErrors"/>); false when there is none.</summary>
    public bool TryReceiveError(out PathError error)
    {
        error = default;
        byte* name = stackalloc byte[SockAddr.MaxSize];
        byte* control = stackalloc byte[ControlRoom];
        Libc.MsgHdr message = default;
        nint length;
        do
        {
            message.Name = name;
            message.NameLength = SockAddr.MaxSize;
            message.Control = control;
            message.ControlLength = ControlRoom;
            length = Libc.recvmsg(_descriptor, &message, Libc.MSG_DONTWAIT | Libc.MSG_ERRQUEUE);
        }
        while (Libc.Interrupted(length));
        if (length < 0) return false;
        for (Libc.CmsgHdr* header = Libc.NextControl(message, null); header != null; header = Libc.NextControl(message, header))
        {
            bool isError = (header->Level, header->Type) is (Libc.SOL_IP, Libc.IP_RECVERR) or (Libc.SOL_IPV6, Libc.IPV6_RECVERR);
            if (!isError || header->Length < (nuint)(sizeof(Libc.CmsgHdr) + sizeof(Libc.SockExtendedErr))) continue;
            var extended = (Libc.SockExtendedErr*)(header + 1);
            int mtu = extended->Errno == Libc.EMSGSIZE ? (int)extended->Info : 0;
            error = new((int)extended->Errno, (PathErrorOrigin)extended->Origin, mtu, SockAddr.Read(name, message.NameLength));
        }
        return true;
    }

    /// <summary>
    /// Whether a failed call deserves another try. The kernel reports an earlier ICMP error of a connected socket instead of doing the
    /// work, and clears it by that: only an error that comes twice is this host's own.
    /// </summary>
    private static bool MayBePending(int errno, int attempt) =>
        errno == Libc.EINTR || (attempt == 0 && errno is not (Libc.EAGAIN or Libc.ENOBUFS or Libc.EMSGSIZE));

    private static ReceivedDatagram Describe(in Libc.MsgHdr message, int length)
    {
        UInt128 local = UInt128.Zero;
        int interfaceIndex = 0;
        int segment = length;
        for (Libc.CmsgHdr* header = Libc.NextControl(message, null); header != null; header = Libc.NextControl(message, header))
        {
            byte* data = (byte*)(header + 1);
            nuint size = header->Length - (nuint)sizeof(Libc.CmsgHdr);
            switch (header->Level, header->Type)
            {
                case (Libc.SOL_IP, Libc.IP_PKTINFO) when size >= (nuint)sizeof(Libc.InPktInfo):
                    var info = (Libc.InPktInfo*)data;
                    interfaceIndex = info->InterfaceIndex;
                    local = Endpoint.FromIPv4(BinaryPrimitives.ReverseEndianness(info->SpecificDestination), 0).Address;
                    break;
                case (Libc.SOL_IPV6, Libc.IPV6_PKTINFO) when size >= In6PktInfoSize:
                    local = BinaryPrimitives.ReadUInt128BigEndian(new(data, 16));
                    interfaceIndex = *(int*)(data + 16);
                    break;
                case (Libc.SOL_UDP, Libc.UDP_GRO) when size >= sizeof(int):
                    int announced = *(int*)data;
                    if (announced > 0 && announced < length) segment = announced;
                    break;
                default:
                    break;
            }
        }
        bool truncated = (message.Flags & Libc.MSG_TRUNC) != 0;
        return new(length, segment, truncated, SockAddr.Read(message.Name, message.NameLength), local, interfaceIndex);
    }

    private SendResult Send(Libc.MsgHdr* message)
    {
        for (int attempt = 0; ; attempt++)
        {
            if (Libc.sendmsg(_descriptor, message, Libc.MSG_DONTWAIT | Libc.MSG_NOSIGNAL) >= 0) return new(SendStatus.Sent, 0);
            int errno = Libc.errno;
            if (MayBePending(errno, attempt)) continue;
            return errno is Libc.EAGAIN or Libc.ENOBUFS ? new(SendStatus.WouldBlock, 0) : new(SendStatus.LocalError, errno);
        }
    }

    private nuint WriteSource(byte* control, UInt128 source)
    {
        new Span<byte>(control, ControlRoom).Clear();
        var header = (Libc.CmsgHdr*)control;
        byte* data = (byte*)(header + 1);
        if (IsIPv4)
        {
            header->Level = Libc.SOL_IP;
            header->Type = Libc.IP_PKTINFO;
            header->Length = (nuint)(sizeof(Libc.CmsgHdr) + sizeof(Libc.InPktInfo));
            ((Libc.InPktInfo*)data)->SpecificDestination = BinaryPrimitives.ReverseEndianness((uint)source);
            return (nuint)(sizeof(Libc.CmsgHdr) + 16);
        }
        header->Level = Libc.SOL_IPV6;
        header->Type = Libc.IPV6_PKTINFO;
        header->Length = (nuint)(sizeof(Libc.CmsgHdr) + In6PktInfoSize);
        BinaryPrimitives.WriteUInt128BigEndian(new(data, 16), source);
        if (SockAddr.IsLinkLocal(source)) *(int*)(data + 16) = _scope;
        return (nuint)(sizeof(Libc.CmsgHdr) + 24);
    }
}
