using System.Runtime.InteropServices;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>A pair of sockets that keep packet boundaries, as a TUN device does: one end is the data plane's, the other the host's stack.</summary>
internal sealed unsafe partial class FakeTun : IDisposable
{
    private readonly int _stack;

    public FakeTun()
    {
        int* ends = stackalloc int[2];
        const int unix = 1, seqpacket = 5;
        if (socketpair(unix, seqpacket | Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC, 0, ends) < 0) throw LinuxException.Last("socketpair");
        Descriptor = ends[0];
        _stack = ends[1];
        int size = 4 << 20;
        foreach (int end in new[] { Descriptor, _stack })
            _ = Libc.setsockopt(end, Libc.SOL_SOCKET, Libc.SO_SNDBUFFORCE, &size, sizeof(int));
    }

    /// <summary>The data plane's end.</summary>
    public int Descriptor { get; }

    /// <summary>The stack sends a packet into the tunnel.</summary>
    public void Send(ReadOnlySpan<byte> packet, VirtioNetHeader header = default)
    {
        byte[] whole = new byte[VirtioNetHeader.Size + packet.Length];
        MemoryMarshal.Write(whole, in header);
        packet.CopyTo(whole.AsSpan(VirtioNetHeader.Size));
        fixed (byte* bytes = whole)
        {
            while (Libc.write(_stack, bytes, (nuint)whole.Length) < 0)
            {
                if (Libc.errno != Libc.EAGAIN) throw LinuxException.Last("write to the fake TUN");
                Thread.Yield();
            }
        }
    }

    /// <summary>What the data plane delivered; fails if nothing comes.</summary>
    public (VirtioNetHeader Header, byte[] Packet) Receive() =>
        TryReceive(TimeSpan.FromSeconds(5), out VirtioNetHeader header, out byte[] packet) ? (header, packet) : throw new Xunit.Sdk.XunitException("nothing was delivered");

    public bool TryReceive(TimeSpan within, out VirtioNetHeader header, out byte[] packet)
    {
        header = default;
        packet = [];
        Libc.PollFd readable;
        readable.Descriptor = _stack;
        readable.Events = Libc.POLLIN;
        if (Libc.poll(&readable, 1, (int)within.TotalMilliseconds) <= 0) return false;
        byte[] buffer = new byte[70_000];
        fixed (byte* bytes = buffer)
        {
            nint length = Libc.read(_stack, bytes, (nuint)buffer.Length);
            if (length < VirtioNetHeader.Size) throw LinuxException.Last("read from the fake TUN");
            header = MemoryMarshal.Read<VirtioNetHeader>(buffer);
            packet = buffer[VirtioNetHeader.Size..(int)length];
        }
        return true;
    }

    public void Dispose()
    {
        _ = Libc.close(_stack);
        _ = Libc.close(Descriptor);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* ends);
}
