using System.Text;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// A non-blocking UDP socket of one address family. The send and receive helpers here are for control messages, one datagram
/// per call; they allocate nothing and throw nothing. Packet loops use <see cref="Descriptor"/>. Any thread may use it, but all must have
/// stopped before <see cref="Dispose"/>, since the kernel gives the number away again.
/// </summary>
public sealed unsafe partial class UdpSocket : IDisposable
{
    private readonly int _scope;
    private int _descriptor;

    private UdpSocket(int descriptor, UdpSocketOptions options)
    {
        _descriptor = descriptor;
        IsIPv4 = options.Local.IsIPv4;
        Device = options.Device;
        if (options.Device is { } device) _scope = (int)Libc.if_nametoindex(device);
    }

    public int Descriptor => _descriptor;

    public bool IsIPv4 { get; }

    /// <summary>The device it is bound to, or null.</summary>
    public string? Device { get; }

    /// <summary>The address and port in force, with the port that the kernel chose.</summary>
    public Endpoint Local { get; private set; }

    /// <summary>The only remote, or null.</summary>
    public Endpoint? Remote { get; private set; }

    /// <summary>True if the kernel hands over datagrams of one flow together.</summary>
    public bool ReceiveOffload { get; private set; }

    /// <summary>Bytes of receive buffer granted; the kernel counts twice what was asked for, for its own needs.</summary>
    public int ReceiveBuffer => GetInt(Libc.SOL_SOCKET, Libc.SO_RCVBUF) ?? 0;

    /// <summary>As <see cref="ReceiveBuffer"/>.</summary>
    public int SendBuffer => GetInt(Libc.SOL_SOCKET, Libc.SO_SNDBUF) ?? 0;

    /// <summary>The path MTU to <see cref="Remote"/> as the kernel knows it, IP header included; null without a remote.</summary>
    public int? PathMtu => IsIPv4 ? GetInt(Libc.SOL_IP, Libc.IP_MTU) : GetInt(Libc.SOL_IPV6, Libc.IPV6_MTU);

    /// <summary>Opens, configures and binds.</summary>
    /// <exception cref="LinuxException">The address is taken or not of this host, the device does not exist, or a right is
    /// missing.</exception>
    public static UdpSocket Open(UdpSocketOptions options)
    {
        int family = options.Local.IsIPv4 ? Libc.AF_INET : Libc.AF_INET6;
        int descriptor = Libc.socket(family, Libc.SOCK_DGRAM | Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw LinuxException.Last($"open a UDP socket for {options.Local}");
        var socket = new UdpSocket(descriptor, options);
        try
        {
            socket.Configure(options);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0) _ = Libc.close(descriptor);
    }

    private void Configure(UdpSocketOptions options)
    {
        if (!IsIPv4) SetInt(Libc.SOL_IPV6, Libc.IPV6_V6ONLY, 1, "IPV6_V6ONLY");
        if (options.Device is { } device) BindToDevice(device);
        if (options.Mark != 0) SetInt(Libc.SOL_SOCKET, Libc.SO_MARK, (int)options.Mark, "SO_MARK");
        SetBuffer(Libc.SO_RCVBUFFORCE, Libc.SO_RCVBUF, options.ReceiveBuffer);
        SetBuffer(Libc.SO_SNDBUFFORCE, Libc.SO_SNDBUF, options.SendBuffer);
        ReceiveOffload = options.ReceiveOffload && TrySetInt(Libc.SOL_UDP, Libc.UDP_GRO, 1);
        int mtuMode = options.PathMtu switch { PathMtuMode.Do => 2, PathMtuMode.Probe => 3, _ => -1 };
        if (IsIPv4)
        {
            if (options.PacketInfo) SetInt(Libc.SOL_IP, Libc.IP_PKTINFO, 1, "IP_PKTINFO");
            if (options.ReceiveErrors) SetInt(Libc.SOL_IP, Libc.IP_RECVERR, 1, "IP_RECVERR");
            if (mtuMode >= 0) SetInt(Libc.SOL_IP, Libc.IP_MTU_DISCOVER, mtuMode, "IP_MTU_DISCOVER");
        }
        else
        {
            if (options.PacketInfo) SetInt(Libc.SOL_IPV6, Libc.IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
            if (options.ReceiveErrors) SetInt(Libc.SOL_IPV6, Libc.IPV6_RECVERR, 1, "IPV6_RECVERR");
            if (mtuMode >= 0) SetInt(Libc.SOL_IPV6, Libc.IPV6_MTU_DISCOVER, mtuMode, "IPV6_MTU_DISCOVER");
        }
        Bind(options.Local);
        if (options.Remote is { } remote) Connect(remote);
        byte* address = stackalloc byte[SockAddr.MaxSize];
        uint length = SockAddr.MaxSize;
        if (Libc.getsockname(_descriptor, address, &length) < 0) throw LinuxException.Last("getsockname");
        Local = SockAddr.Read(address, length);
    }

    private void Bind(in Endpoint local)
    {
        byte* address = stackalloc byte[SockAddr.MaxSize];
        uint length = SockAddr.Write(local, address, _scope);
        if (Libc.bind(_descriptor, address, length) < 0) throw LinuxException.LastNeeding($"bind {local}", "CAP_NET_BIND_SERVICE");
    }

    private void Connect(in Endpoint remote)
    {
        if (remote.IsIPv4 != IsIPv4) throw new LinuxException($"connect to {remote}", Libc.EAFNOSUPPORT);
        byte* address = stackalloc byte[SockAddr.MaxSize];
        uint length = SockAddr.Write(remote, address, _scope);
        if (Libc.connect(_descriptor, address, length) < 0) throw LinuxException.Last($"connect to {remote}");
        Remote = remote;
    }

    private void BindToDevice(string device)
    {
        if (_scope == 0) throw new LinuxException($"bind a socket to device {device}", Libc.ENODEV);
        byte[] name = Encoding.ASCII.GetBytes(device + "\0");
        fixed (byte* bytes = name)
        {
            if (Libc.setsockopt(_descriptor, Libc.SOL_SOCKET, Libc.SO_BINDTODEVICE, bytes, (uint)name.Length) < 0)
                throw LinuxException.LastNeeding($"bind a socket to device {device}", "CAP_NET_RAW");
        }
    }

    private void SetBuffer(int forced, int limited, int bytes)
    {
        if (!TrySetInt(Libc.SOL_SOCKET, forced, bytes)) _ = TrySetInt(Libc.SOL_SOCKET, limited, bytes);
    }

    private void SetInt(int level, int name, int value, string what)
    {
        if (!TrySetInt(level, name, value)) throw LinuxException.LastNeeding($"set {what}", "CAP_NET_ADMIN");
    }

    private bool TrySetInt(int level, int name, int value) =>
        Libc.setsockopt(_descriptor, level, name, &value, sizeof(int)) == 0;

    private int? GetInt(int level, int name)
    {
        int value;
        uint length = sizeof(int);
        return Libc.getsockopt(_descriptor, level, name, &value, &length) == 0 ? value : null;
    }
}
