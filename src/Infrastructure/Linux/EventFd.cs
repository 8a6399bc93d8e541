namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// Wakes a thread that waits in epoll or poll (eventfd(2)). Any number of signals before the next <see cref="Drain"/> are one.
/// <see cref="Signal"/> may be called from any thread until <see cref="Dispose"/>.
/// </summary>
public sealed unsafe class EventFd : IDisposable
{
    private int _descriptor;

    public EventFd()
    {
        _descriptor = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        if (_descriptor < 0) throw LinuxException.Last("eventfd");
    }

    /// <summary>Readable once signalled.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Makes the descriptor readable. Neither blocks nor allocates; a full counter is readable already.</summary>
    public void Signal()
    {
        ulong one = 1;
        while (Libc.Interrupted(Libc.write(_descriptor, (byte*)&one, sizeof(ulong))))
        {
        }
    }

    /// <summary>Takes the signals; true if there was one.</summary>
    public bool Drain()
    {
        ulong count;
        nint read;
        do read = Libc.read(_descriptor, (byte*)&count, sizeof(ulong));
        while (Libc.Interrupted(read));
        return read == sizeof(ulong);
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0) _ = Libc.close(descriptor);
    }
}
