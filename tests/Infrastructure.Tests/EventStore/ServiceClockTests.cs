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
