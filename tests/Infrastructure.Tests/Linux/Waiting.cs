using System.Diagnostics;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>Waiting for the kernel, with a limit that only a failing test reaches.</summary>
internal static class Waiting
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>The next datagram; fails the test if none comes.</summary>
    public static ReceivedDatagram Receive(UdpSocket socket, byte[] buffer) =>
        TryReceive(socket, buffer, Limit) ?? throw new Xunit.Sdk.XunitException($"nothing came to {socket.Local}");

    /// <summary>The next datagram, or null if none comes in time.</summary>
    public static ReceivedDatagram? TryReceive(UdpSocket socket, byte[] buffer, TimeSpan limit)
    {
        using var epoll = new Epoll();
        epoll.Add(socket.Descriptor, EpollEvents.Readable, 0);
        Span<EpollReady> ready = stackalloc EpollReady[1];
        long end = Stopwatch.GetTimestamp() + (long)(limit.TotalSeconds * Stopwatch.Frequency);
        while (Stopwatch.GetTimestamp() < end)
        {
            if (socket.TryReceive(buffer, out ReceivedDatagram datagram) == ReceiveStatus.Received) return datagram;
            _ = epoll.Wait(ready, limit);
        }
        return null;
    }

    /// <summary>Waits until an IPv6 address works: Linux makes its local route a moment after it has accepted the address.</summary>
    public static void UntilLocal(NetworkNamespace ns, string address) => Until(
        $"a local route for {address}", () => ns.Execute("ip -6 route show table local").Contains(address, StringComparison.Ordinal));

    /// <summary>Waits until a condition holds; fails the test if it never does.</summary>
    public static void Until(string what, Func<bool> condition)
    {
        var time = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(time.Elapsed < Limit, $"never: {what}");
            Thread.Sleep(1);
        }
    }
}
