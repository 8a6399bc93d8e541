using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace JumpingVpn.Adversary.OnPath;

/// <summary>
/// Whole Ethernet frames of one device, in and out (packet(7)), in the network namespace of the thread that opens it. Its own
/// frames do not come back.
/// </summary>
public sealed unsafe partial class PacketSocket : IDisposable
{
    /// <summary>Frames that one system call sends.</summary>
    public const int BatchSize = 64;

    public const int MaxFrame = 2048;

    private const int Family = 17, Raw = 3, CloseOnExec = 0x80000, PacketLevel = 263, IgnoreOutgoing = 23, QueueBypass = 20;
    private const int SocketLevel = 1, ReceiveBuffer = 33, SendBuffer = 32, DontWait = 0x40, NoBuffers = 105, Again = 11, Interrupted = 4;
    private const short PollIn = 1;

    /// <summary>ETH_P_ALL in network byte order.</summary>
    private const ushort AllProtocols = 0x0300;

    private readonly SafeFileHandle _socket;

    private PacketSocket(SafeFileHandle socket) => _socket = socket;

    /// <param name="receives">False for one that only sends: nothing is queued for it.</param>
    public static PacketSocket Open(string device, bool receives = true)
    {
        int index = int.Parse(File.ReadAllText($"/sys/class/net/{device}/ifindex"), CultureInfo.InvariantCulture);
        return Open(index, receives);
    }

    /// <param name="index">The device's index: /sys may show another namespace than the thread's.</param>
    public static PacketSocket Open(int index, bool receives = true)
    {
        ushort protocol = receives ? AllProtocols : (ushort)0;
        var socket = new SafeFileHandle(Check("socket", MakeSocket(Family, Raw | CloseOnExec, protocol)), ownsHandle: true);
        var address = new LinkAddress { Family = Family, Protocol = protocol, Index = index };
        int on = 1, large = 16 << 20;
        Check("bind", Bind(socket, &address, sizeof(LinkAddress)));
        Check("setsockopt", SetOption(socket, PacketLevel, IgnoreOutgoing, &on, sizeof(int)));
        Check("setsockopt", SetOption(socket, PacketLevel, QueueBypass, &on, sizeof(int)));
        Check("setsockopt", SetOption(socket, SocketLevel, ReceiveBuffer, &large, sizeof(int)));
        Check("setsockopt", SetOption(socket, SocketLevel, SendBuffer, &large, sizeof(int)));
        return new(socket);
    }

    /// <summary>The index of a device in the calling thread's namespace.</summary>
    public static int IndexOf(string device)
    {
        uint index = NameToIndex(device);
        return index == 0 ? throw new IOException($"no device {device}") : (int)index;
    }

    /// <summary>Sends one frame; false if the device takes no more now.</summary>
    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            if (Send(_socket, bytes, (nuint)frame.Length, 0) >= 0) return true;
        }
        return Marshal.GetLastPInvokeError() is NoBuffers or Again ? false : throw Failure("send");
    }

    /// <summary>Sends frames that lie one behind the other in native memory; how many were taken.</summary>
    /// <param name="frames">At most <see cref="BatchSize"/> message headers.</param>
    internal int TrySend(ReadOnlySpan<MultiMessage> frames)
    {
        fixed (MultiMessage* first = frames)
        {
            int sent = SendMany(_socket, first, (uint)frames.Length, 0);
            if (sent >= 0) return sent;
        }
        return Marshal.GetLastPInvokeError() is NoBuffers or Again or Interrupted ? 0 : throw Failure("sendmmsg");
    }

    /// <summary>One frame; 0 if none waits.</summary>
    public int TryReceive(Span<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            nint length = Receive(_socket, bytes, (nuint)frame.Length, DontWait);
            return length > 0 ? (int)Math.Min(length, frame.Length) : 0;
        }
    }

    /// <summary>Waits until one of two sockets has a frame, or the time is over.</summary>
    public static void Wait(PacketSocket first, PacketSocket second, int milliseconds)
    {
        Span<PollEntry> entries = [new() { Socket = (int)first._socket.DangerousGetHandle(), Events = PollIn }, new() { Socket = (int)second._socket.DangerousGetHandle(), Events = PollIn }];
        fixed (PollEntry* list = entries) _ = Poll(list, 2, milliseconds);
    }

    public void Dispose() => _socket.Dispose();

    private static int Check(string call, int result) => result >= 0 ? result : throw Failure(call);

    private static IOException Failure(string call)
    {
        int number = Marshal.GetLastPInvokeError();
        return new($"{call}: {new Win32Exception(number).Message}");
    }

    /// <summary>struct sockaddr_ll.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LinkAddress
    {
        public ushort Family;
        public ushort Protocol;
        public int Index;
        public ushort Hardware;
        public byte PacketType;
        public byte Length;
        public ulong Address;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Socket;
        public short Events;
        public short Returned;
    }

    /// <summary>struct mmsghdr of a 64-bit system, 64 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MultiMessage
    {
        public nint Name;
        public ulong NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public nint Control;
        public nuint ControlLength;
        public ulong Flags;
        public ulong Length;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int MakeSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(SafeFileHandle socket, LinkAddress* address, int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(SafeFileHandle socket, int level, int name, void* value, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeFileHandle socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    private static partial int SendMany(SafeFileHandle socket, MultiMessage* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeFileHandle socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "if_nametoindex", StringMarshalling = StringMarshalling.Utf8)]
    private static partial uint NameToIndex(string name);
}
