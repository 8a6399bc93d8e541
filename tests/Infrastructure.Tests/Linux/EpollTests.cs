using System.Diagnostics;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.Linux;

public sealed class EpollTests
{
    [Fact]
    public void A_signal_wakes_the_waiter_and_carries_its_token()
    {
        using var epoll = new Epoll();
        using var wake = new EventFd();
        epoll.Add(wake.Descriptor, EpollEvents.Readable, 42);
        var ready = new EpollReady[4];
        Assert.Equal(0, epoll.Wait(ready, TimeSpan.Zero));

        var thread = new Thread(() => wake.Signal());
        thread.Start();
        Assert.Equal(1, epoll.Wait(ready, Waiting.Limit));
        thread.Join();

        Assert.Equal(42, ready[0].Token);
        Assert.True(ready[0].Events.HasFlag(EpollEvents.Readable));
    }

    [Fact]
    public void Many_signals_are_one_and_draining_ends_them()
    {
        using var wake = new EventFd();
        wake.Signal();
        wake.Signal();
        Assert.True(wake.Drain());
        Assert.False(wake.Drain());
    }

    [Fact]
    public void A_wait_below_a_millisecond_is_neither_zero_nor_rounded_up_far()
    {
        using var epoll = new Epoll();
        var ready = new EpollReady[1];
        TimeSpan asked = TimeSpan.FromMicroseconds(300);
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 50; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Assert.Equal(0, epoll.Wait(ready, asked));
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            Assert.True(took >= asked, $"woke after {took}");
            if (took < best) best = took;
        }
        Assert.True(best < TimeSpan.FromMilliseconds(1), $"the best of 50 waits took {best}");
    }

    [Fact]
    public void What_was_removed_is_reported_no_more()
    {
        using var epoll = new Epoll();
        using var wake = new EventFd();
        epoll.Add(wake.Descriptor, EpollEvents.Readable, 1);
        wake.Signal();
        epoll.Remove(wake.Descriptor);
        Assert.Equal(0, epoll.Wait(new EpollReady[1], TimeSpan.Zero));
    }

    [Fact]
    public void Waiting_allocates_nothing()
    {
        using var epoll = new Epoll();
        using var wake = new EventFd();
        epoll.Add(wake.Descriptor, EpollEvents.Readable, 1);
        wake.Signal();
        var ready = new EpollReady[1];
        for (int i = 0; i < 10; i++) _ = epoll.Wait(ready, TimeSpan.FromMilliseconds(1));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) _ = epoll.Wait(ready, TimeSpan.FromMilliseconds(1));
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_descriptor_that_is_none_is_refused_by_name()
    {
        using var epoll = new Epoll();
        LinuxException error = Assert.Throws<LinuxException>(() => epoll.Add(99999, EpollEvents.Readable, 0));
        Assert.Equal("epoll_ctl on descriptor 99999: Bad file descriptor (EBADF)", error.Message);
    }

    [Fact]
    public void The_boot_clock_runs_forward_with_real_time()
    {
        Domain.Primitives.Instant start = BootClock.Now();
        Thread.Sleep(20);
        TimeSpan passed = BootClock.Now() - start;
        Assert.InRange(passed, TimeSpan.FromMilliseconds(19), TimeSpan.FromSeconds(2));
        double uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(BootClock.Now().Milliseconds / 1000.0, uptime - 2, uptime + 2);
    }
}
