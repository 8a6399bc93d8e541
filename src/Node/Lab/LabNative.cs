using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace JumpingVpn.Node.Lab;

/// <summary>The few system calls that the lab needs beside .NET's own sockets.</summary>
internal static partial class LabNative
{
    public const int ErrorInterrupted = 4;
    private const int ClockMonotonic = 1;
    private const int TimerAbsolute = 1;
    private const int SchedulingFifo = 1;
    private const int MessageDontWait = 0x40;
    private const int MessageNoSignal = 0x4000;
    private const int AddressFamilyNetlink = 16;
    private const int SocketRaw = 3;
    private const int SocketCloseOnExec = 0x80000;
    private const ulong LastStamp = 0x8907;
    private const short PollIn = 1;
    private const short PollOut = 4;

    /// <summary>
    /// Gives the calling thread a real-time priority, so that a busy machine does not show up as a gap. Without the right
    /// to do so the thread keeps its priority.
    /// </summary>
    public static void RaisePriority()
    {
        int priority = 10;
        _ = SchedSetScheduler(0, SchedulingFifo, ref priority);
    }

    /// <summary>Sleeps until the monotonic clock (nanoseconds, the clock of <see cref="Stopwatch"/>) shows <paramref name="deadline"/>.</summary>
    public static void SleepUntil(long deadline)
    {
        var time = new TimeSpec { Seconds = deadline / 1_000_000_000, Nanoseconds = deadline % 1_000_000_000 };
        while (ClockNanoSleep(ClockMonotonic, TimerAbsolute, ref time, 0) == ErrorInterrupted)
        {
        }
    }

    /// <summary>True when the socket has something to read, its error included, within the time.</summary>
    public static bool WaitReadable(SafeHandle socket, int milliseconds) => Wait(socket, PollIn, milliseconds);

    /// <summary>True when the socket can be written to, or has an error, within the time.</summary>
    public static bool WaitWritable(SafeHandle socket, int milliseconds) => Wait(socket, PollOut, milliseconds);

    /// <summary>Bytes received, 0 at the end of a stream, -1 on any error. Never blocks.</summary>
    public static unsafe int TryReceive(SafeHandle socket, Span<byte> buffer)
    {
        fixed (byte* bytes = buffer) return (int)Recv(socket, bytes, (nuint)buffer.Length, MessageDontWait);
    }

    /// <summary>Bytes taken by the kernel, -1 on any error. Never blocks.</summary>
    public static unsafe int TrySend(SafeHandle socket, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer) return (int)Send(socket, bytes, (nuint)buffer.Length, MessageDontWait | MessageNoSignal);
    }

    /// <summary>
    /// When the kernel took the packet that was read last, in nanoseconds of the wall clock (SIOCGSTAMPNS, socket(7)). False before the
    /// first one; asking then makes it stamp what comes.
    /// </summary>
    public static bool TryStamp(SafeHandle socket, out long nanoseconds)
    {
        var time = default(TimeSpec);
        bool known = IoControl(socket, LastStamp, ref time) == 0;
        nanoseconds = time.Seconds * 1_000_000_000 + time.Nanoseconds;
        return known;
    }

    /// <summary>Sends a signal; false if the process is gone or not ours to signal.</summary>
    public static bool Signal(int processId, int signal) => Kill(processId, signal) == 0;

    /// <summary>A raw netlink socket in the calling thread's network namespace (netlink(7)).</summary>
    public static SafeFileHandle OpenNetlink(int protocol)
    {
        int descriptor = Socket(AddressFamilyNetlink, SocketRaw | SocketCloseOnExec, protocol);
        if (descriptor < 0) throw new LabException($"netlink socket of protocol {protocol}: errno {Marshal.GetLastPInvokeError()}");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    public static bool IsRoot => GetEffectiveUserId() == 0;

    private static unsafe bool Wait(SafeHandle socket, short events, int milliseconds)
    {
        bool held = false;
        try
        {
            socket.DangerousAddRef(ref held);
            var entry = new PollEntry { Descriptor = (int)socket.DangerousGetHandle(), Events = events };
            return Poll(&entry, 1, milliseconds) > 0;
        }
        finally
        {
            if (held) socket.DangerousRelease();
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setscheduler", SetLastError = true)]
    private static partial int SchedSetScheduler(int thread, int policy, ref int priority);

    [LibraryImport("libc", EntryPoint = "clock_nanosleep")]
    private static partial int ClockNanoSleep(int clock, int flags, ref TimeSpec time, nint remaining);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static unsafe partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "recv")]
    private static unsafe partial nint Recv(SafeHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send")]
    private static unsafe partial nint Send(SafeHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int IoControl(SafeHandle socket, ulong request, ref TimeSpec time);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
