namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>
/// A device on which inner addresses are announced: a socket for each family. One that vanishes and comes back is opened again; until then
/// nothing is answered on it. For one thread at a time.
/// </summary>
internal sealed class AnnouncedDevice(string name, int number, Epoll epoll, Action<string> warn) : IDisposable
{
    private PacketSocket? _ip4;
    private PacketSocket? _ip6;
    private bool _failed;

    /// <summary>Its link-layer address; 0 while it is not there.</summary>
    public ulong Link => _ip4?.Link ?? 0;

    /// <exception cref="LinuxException">The device cannot be used.</exception>
    public void Open()
    {
        try
        {
            _ip4 = PacketSocket.Open(name, isIPv4: true);
            _ip6 = PacketSocket.Open(name, isIPv4: false);
            epoll.Add(_ip4.Descriptor, EpollEvents.Readable, 2 * number);
            epoll.Add(_ip6.Descriptor, EpollEvents.Readable, 2 * number + 1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>True once after the device has failed and works again.</summary>
    public bool IsBack()
    {
        if (!_failed) return false;
        Dispose();
        try
        {
            Open();
            // One that is there and down opens, and says so when it is read.
            Span<byte> frame = stackalloc byte[1];
            if (_ip4!.Receive(frame) is < 0 and not -Libc.EAGAIN) return false;
        }
        catch (LinuxException)
        {
            // Still away; it has been said.
            return false;
        }
        _failed = false;
        warn($"announce on {name}: the device is back");
        return true;
    }

    /// <summary>The length of the next frame in <paramref name="frame"/>; 0 if none waits.</summary>
    public int Receive(Span<byte> frame, bool isIPv4)
    {
        if ((isIPv4 ? _ip4 : _ip6) is not { } socket) return 0;
        int length = socket.Receive(frame);
        if (length < 0 && -length != Libc.EAGAIN) Fail(-length);
        return Math.Max(length, 0);
    }

    /// <summary>Sends a frame; what a full queue does not take is lost, and announcements are repeated.</summary>
    public void Send(ReadOnlySpan<byte> frame, bool isIPv4)
    {
        if ((isIPv4 ? _ip4 : _ip6) is not { } socket) return;
        int errno = socket.Send(frame);
        if (errno is not (0 or Libc.EAGAIN or Libc.ENOBUFS)) Fail(errno);
    }

    public void Dispose()
    {
        foreach (PacketSocket socket in new[] { _ip4, _ip6 }.OfType<PacketSocket>()) socket.Dispose();
        _ip4 = _ip6 = null;
    }

    private void Fail(int errno)
    {
        if (!_failed) warn(new LinuxException($"announce on {name}", errno).Message);
        _failed = true;
    }
}
