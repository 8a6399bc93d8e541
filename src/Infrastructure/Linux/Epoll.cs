using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>What to wait for, and what came (epoll_ctl(2)).</summary>
[Flags]
public enum EpollEvents
{
    None = 0,
    Readable = 0x001,
    Writable = 0x004,

    /// <summary>An error is pending; always reported, asked for or not.</summary>
    Error = 0x008,

    /// <summary>The other side is gone; always reported.</summary>
    HungUp = 0x010,

    /// <summary>Report a change once instead of a state for as long as it lasts.</summary>
    EdgeTriggered = unchecked((int)0x8000_0000),
}

/// <summary>One descriptor that is ready: the token given with it, and what happened.</summary>
public readonly record struct EpollReady(int Token, EpollEvents Events);

/// <summary>
/// Waits on many descriptors at once. One thread waits; any thread may add and remove. <see cref="Wait"/> allocates nothing.
/// </summary>
public sealed unsafe class Epoll : IDisposable
{
    /// <summary>The most descriptors that one <see cref="Wait"/> reports; the rest come with the next.</summary>
    public const int MaxReady = 64;

    private readonly byte* _events = (byte*)NativeMemory.AllocZeroed((nuint)(MaxReady * Libc.EpollEventSize));
    private bool _hasNanoseconds = true;
    private int _descriptor;

    public Epoll()
    {
        _descriptor = Libc.epoll_create1(Libc.EPOLL_CLOEXEC);
        if (_descriptor >= 0) return;
        NativeMemory.Free(_events);
        throw LinuxException.Last("epoll_create1");
    }

    public int Descriptor => _descriptor;

    /// <summary>Watches a descriptor; <paramref name="token"/> comes back with its events.</summary>
    public void Add(int descriptor, EpollEvents events, int token) => Control(Libc.EPOLL_CTL_ADD, descriptor, events, token);

    public void Modify(int descriptor, EpollEvents events, int token) => Control(Libc.EPOLL_CTL_MOD, descriptor, events, token);

    /// <summary>Stops watching. A descriptor must be removed before it is closed.</summary>
    public void Remove(int descriptor) => Control(Libc.EPOLL_CTL_DEL, descriptor, EpollEvents.None, 0);

    /// <summary>
    /// Waits until something is ready or the time is over, to the nanosecond where the kernel can (5.11), else rounded up to a
    /// millisecond. Returns how many entries of <paramref name="ready"/> were filled: 0 when the time is over or a signal came.
    /// </summary>
    /// <param name="ready">Room for the answer; at most <see cref="MaxReady"/> entries are used.</param>
    /// <param name="timeout">Negative (<see cref="Timeout.InfiniteTimeSpan"/>): for ever. Zero: only look.</param>
    public int Wait(Span<EpollReady> ready, TimeSpan timeout)
    {
        int room = Math.Min(ready.Length, MaxReady);
        int count = WaitNative(room, timeout);
        if (count < 0)
        {
            if (Libc.errno == Libc.EINTR) return 0;
            throw LinuxException.Last("epoll_wait");
        }
        for (int i = 0; i < count; i++)
        {
            byte* entry = _events + i * Libc.EpollEventSize;
            ready[i] = new(*(int*)(entry + Libc.EpollDataOffset), (EpollEvents)(*(int*)entry));
        }
        return count;
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor < 0) return;
        _ = Libc.close(descriptor);
        NativeMemory.Free(_events);
    }

    private int WaitNative(int room, TimeSpan timeout)
    {
        if (timeout < TimeSpan.Zero) return Libc.epoll_wait(_descriptor, _events, room, -1);
        if (_hasNanoseconds && timeout > TimeSpan.Zero)
        {
            Libc.TimeSpec time;
            time.Seconds = timeout.Ticks / TimeSpan.TicksPerSecond;
            time.Nanoseconds = timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
            int count = (int)Libc.epoll_pwait2(Libc.SYS_epoll_pwait2, _descriptor, _events, room, &time, null, 0);
            if (count >= 0 || Libc.errno is not (Libc.ENOSYS or Libc.EPERM)) return count;
            _hasNanoseconds = false;
        }
        double milliseconds = Math.Ceiling(timeout.TotalMilliseconds);
        return Libc.epoll_wait(_descriptor, _events, room, (int)Math.Min(milliseconds, int.MaxValue));
    }

    private void Control(int operation, int descriptor, EpollEvents events, int token)
    {
        byte* entry = stackalloc byte[16];
        new Span<byte>(entry, 16).Clear();
        *(int*)entry = (int)events;
        *(long*)(entry + Libc.EpollDataOffset) = token;
        if (Libc.epoll_ctl(_descriptor, operation, descriptor, entry) < 0)
            throw LinuxException.Last($"epoll_ctl on descriptor {descriptor}");
    }
}
