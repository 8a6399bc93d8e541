using System.Text;
using JumpingVpn.Infrastructure.Linux.Netlink;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>What the kernel may leave to this program (TUNSETOFFLOAD, linux/if_tun.h).</summary>
[Flags]
public enum TunOffload
{
    None = 0,

    /// <summary>Packets may come with an unfinished transport checksum.</summary>
    Checksum = 0x01,

    /// <summary>TCP over IPv4 comes unsegmented, up to 64 KiB.</summary>
    Tcp4 = 0x02,
    Tcp6 = 0x04,

    /// <summary>Unsegmented TCP may carry ECN.</summary>
    TcpEcn = 0x08,

    /// <summary>UDP that an application sent as segments over IPv4 comes unsegmented (kernel 6.2).</summary>
    Udp4 = 0x20,
    Udp6 = 0x40,
}

/// <summary>How to make a TUN device.</summary>
/// <param name="Name">1 to 15 bytes, as interface names are.</param>
public sealed record TunOptions(string Name)
{
    /// <summary>Bytes of an inner packet; IPv6 needs at least 1280.</summary>
    public int Mtu { get; init; } = 1420;

    /// <summary>Ask for segmentation and checksum offload. Every packet carries its 10-byte virtio-net header either way.</summary>
    public bool Offload { get; init; } = true;

    /// <summary>The most segments that one unsegmented packet may stand for; null leaves it to the kernel.</summary>
    public int? MaxSegments { get; init; }

    /// <summary>
    /// Take over a persistent TUN device that somebody made beforehand, instead of refusing a name that exists. Such a device stays when
    /// this program ends.
    /// </summary>
    public bool TakeExisting { get; init; }
}

/// <summary>
/// A TUN device: IP packets of the host's network stack, each behind a struct virtio_net_hdr of 10 bytes. The device is
/// not persistent: when the descriptor closes, by <see cref="Dispose"/> or by the end of the process, however it ends, the kernel removes
/// the device with all its addresses and routes. So nothing is left behind by a crash.
/// </summary>
public sealed unsafe class TunDevice : IDisposable
{
    /// <summary>Bytes of struct virtio_net_hdr in front of every packet.</summary>
    public const int HeaderSize = 10;

    /// <summary>The longest interface name, in bytes (IFNAMSIZ less the final zero).</summary>
    public const int MaxNameLength = 15;

    private const string Path = "/dev/net/tun";
    private const int RequestSize = 40;
    private const int FlagsOffset = 16;
    private const ushort IffTun = 0x0001;
    private const ushort IffNoPi = 0x1000;
    private const ushort IffVnetHdr = 0x4000;
    private const ushort IffExclusive = 0x8000;
    private const nuint TunSetIff = 0x400454ca;
    private const nuint TunSetOffload = 0x400454d0;

    /// <summary>From all that any kernel offers down to what the oldest do; a kernel refuses a set that it does not know whole.</summary>
    private static readonly TunOffload[] Ladder =
    [
        TunOffload.Checksum | TunOffload.Tcp4 | TunOffload.Tcp6 | TunOffload.TcpEcn | TunOffload.Udp4 | TunOffload.Udp6,
        TunOffload.Checksum | TunOffload.Tcp4 | TunOffload.Tcp6 | TunOffload.TcpEcn,
        TunOffload.Checksum | TunOffload.Tcp4 | TunOffload.Tcp6,
    ];

    private int _descriptor;

    private TunDevice(int descriptor, string name)
    {
        _descriptor = descriptor;
        Name = name;
    }

    /// <summary>Non-blocking; one packet with its header per read and write.</summary>
    public int Descriptor => _descriptor;

    public string Name { get; }

    public int InterfaceIndex { get; private set; }

    /// <summary>The offloads that the kernel granted.</summary>
    public TunOffload Offload { get; private set; }

    /// <summary>The limit in force on segments per packet; null if the kernel (before 6.2) does not take one.</summary>
    public int? MaxSegments { get; private set; }

    /// <summary>Makes the device in the calling thread's network namespace. It is down until <see cref="BringUp"/>.</summary>
    /// <exception cref="LinuxException">The TUN driver or a right is missing, or the name is taken or not a name.</exception>
    public static TunDevice Create(TunOptions options)
    {
        CheckName(options.Name);
        int descriptor = Libc.open(Path, Libc.O_RDWR | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        if (descriptor < 0) throw OpenFailed(Libc.errno);
        var device = new TunDevice(descriptor, options.Name);
        try
        {
            device.Configure(options);
            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Sets the link up; before that a write fails with EIO and no route can point at it.</summary>
    public void BringUp()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        netlink.SetLinkUp(InterfaceIndex, true);
    }

    /// <summary>Changes the largest inner packet, in bytes.</summary>
    public void SetMtu(int mtu)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        netlink.SetMtu(InterfaceIndex, mtu);
    }

    /// <summary>Changes the most segments per unsegmented packet (1 to 65535); false if this kernel does not take it.</summary>
    public bool TrySetMaxSegments(int segments)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        if (!netlink.TrySetGsoMaxSegments(InterfaceIndex, segments)) return false;
        MaxSegments = segments;
        return true;
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0) _ = Libc.close(descriptor);
    }

    /// <summary>Says what is wrong with an interface name, or null: the kernel's own rules, and no '%', which it would fill in.</summary>
    public static string? NameError(string name) => name switch
    {
        "" => "is empty",
        "." or ".." => "is not an interface name",
        _ when Encoding.UTF8.GetByteCount(name) > MaxNameLength => $"is longer than {MaxNameLength} bytes",
        _ when name.Any(c => c is '/' or ':' or '%' or <= ' ' or >= '\x7f') =>
            "may hold only printable ASCII without space, '/', ':' and '%'",
        _ => null,
    };

    private void Configure(TunOptions options)
    {
        byte* request = stackalloc byte[RequestSize];
        new Span<byte>(request, RequestSize).Clear();
        _ = Encoding.ASCII.GetBytes(options.Name, new Span<byte>(request, MaxNameLength));
        *(ushort*)(request + FlagsOffset) = (ushort)(IffTun | IffNoPi | IffVnetHdr | (options.TakeExisting ? 0 : IffExclusive));
        if (Libc.ioctl(_descriptor, TunSetIff, (nuint)request) < 0) throw CreateFailed(Libc.errno, options.Name);
        InterfaceIndex = (int)Libc.if_nametoindex(options.Name);
        if (InterfaceIndex == 0) throw LinuxException.Last($"TUN device {options.Name}");
        Offload = options.Offload ? ClimbDown() : TunOffload.None;
        if (Offload == TunOffload.None && Libc.ioctl(_descriptor, TunSetOffload, 0) < 0)
            throw LinuxException.Last($"turn offload off on {options.Name}");

        using RouteNetlink netlink = RouteNetlink.Open();
        netlink.SetMtu(InterfaceIndex, options.Mtu);
        // A tunnel needs no link-local address, and without one the kernel sends no router solicitations into it.
        _ = netlink.TryDisableIPv6LinkLocal(InterfaceIndex);
        if (options.MaxSegments is { } segments && netlink.TrySetGsoMaxSegments(InterfaceIndex, segments)) MaxSegments = segments;
    }

    private TunOffload ClimbDown()
    {
        foreach (TunOffload step in Ladder)
        {
            if (Libc.ioctl(_descriptor, TunSetOffload, (nuint)step) == 0) return step;
        }
        return TunOffload.None;
    }

    private static void CheckName(string name)
    {
        if (NameError(name) is { } error) throw LinuxException.Refused($"TUN device name '{name}' {error}");
    }

    private static LinuxException OpenFailed(int errno)
    {
        const string What = "open " + Path;
        return errno is Libc.ENOENT or Libc.ENODEV or Libc.ENXIO
            ? new(What, errno, "load the driver with 'modprobe tun'; a container must be given this device")
            : LinuxException.For(What, errno, "CAP_NET_ADMIN");
    }

    private static LinuxException CreateFailed(int errno, string name)
    {
        string what = $"create TUN device {name}";
        return errno switch
        {
            Libc.EBUSY => new(what, errno, "the name is in use: choose another, or end the program that holds it"),
            Libc.EINVAL => new(what, errno, "a device of this name exists and is of another kind"),
            _ => LinuxException.For(what, errno, "CAP_NET_ADMIN"),
        };
    }
}
