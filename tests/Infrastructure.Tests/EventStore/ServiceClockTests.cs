using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

public class ServiceClockTests
{
    [Fact]
    public void It_goes_on_where_the_store_last_saw_it_however_long_no_node_ran()
    {
        Instant boot = Instant.FromMilliseconds(50_000);
        var clock = new ServiceClock(Instant.FromMilliseconds(1_000), () => boot);
        Assert.Equal(Instant.FromMilliseconds(1_000), clock.Now);
        boot += TimeSpan.FromSeconds(3);
        Assert.Equal(Instant.FromMilliseconds(4_000), clock.Now);
        // The machine was off for a while and counts from boot anew.
        boot = Instant.FromMilliseconds(10);
        var next = new ServiceClock(Instant.FromMilliseconds(4_000), () => boot);
        Assert.Equal(Instant.FromMilliseconds(4_000), next.Now);
    }

    [Fact]
    public void It_stands_still_between_leases_and_never_goes_back()
    {
        Instant boot = Instant.FromMilliseconds(1_000);
        ServiceClock clock = ServiceClock.Standing(Instant.FromMilliseconds(100), () => boot);
        boot += TimeSpan.FromSeconds(9);
        Assert.Equal(Instant.FromMilliseconds(100), clock.Now);
        clock.RunUntil(boot + TimeSpan.FromSeconds(2));
        boot += TimeSpan.FromSeconds(5);
        Assert.Equal(Instant.FromMilliseconds(2_100), clock.Now);
        // What has been granted is not taken back, and an end in the past starts nothing.
        clock.RunUntil(boot - TimeSpan.FromSeconds(1));
        Assert.Equal(Instant.FromMilliseconds(2_100), clock.Now);
        clock.RunUntil(boot + TimeSpan.FromSeconds(1));
        clock.RunUntil(boot);
        boot += TimeSpan.FromSeconds(1);
        Assert.Equal(Instant.FromMilliseconds(3_100), clock.Now);
        clock.Follow(Instant.FromMilliseconds(3_000));
        Assert.Equal(Instant.FromMilliseconds(3_100), clock.Now);
        clock.Follow(Instant.FromMilliseconds(5_000));
        boot += TimeSpan.FromSeconds(1);
        Assert.Equal(Instant.FromMilliseconds(5_000), clock.Now);
    }

    [Fact]
    public async Task Whoever_reads_it_while_others_move_it_sees_it_go_forward_only()
    {
        long boot = 0;
        ServiceClock clock = ServiceClock.Standing(Instant.Zero, () => new(Interlocked.Increment(ref boot)));
        bool stop = false;
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            Instant last = Instant.Zero;
            while (!Volatile.Read(ref stop))
            {
                Instant now = clock.Now;
                Assert.True(now >= last, $"{now} after {last}");
                last = now;
            }
        })).ToArray();
        for (int i = 0; i < 20_000; i++)
        {
            clock.RunUntil(new(Volatile.Read(ref boot) + i % 50));
            if (i % 7 == 0) clock.Follow(clock.Now + TimeSpan.FromTicks(3));
        }
        Volatile.Write(ref stop, true);
        await Task.WhenAll(readers);
    }

    [Fact]
    public async Task An_append_checkpoints_it_with_its_latest_event()
    {
        using var directory = new StoreDirectory();
        await using (var store = (SqliteEventStore)directory.Open())
            Assert.IsType<AppendResult.Committed>(await store.AppendAsync(Sessions.One(1, 0, 1, time: 7_000)));
        await using var again = (SqliteEventStore)directory.Open();
        var clock = new ServiceClock(again.Opening.ServiceTime, static () => Instant.FromMilliseconds(123));
        Assert.Equal(Instant.FromMilliseconds(7_000), clock.Now);
    }
}
