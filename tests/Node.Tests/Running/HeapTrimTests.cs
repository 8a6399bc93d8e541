using JumpingVpn.Node.Running;

namespace JumpingVpn.Node.Tests.Running;

public sealed class HeapTrimTests
{
    private const long Much = HeapTrim.WorthIt;

    [Fact]
    public void A_rush_is_collected_once_it_is_over_and_what_lives_after_it_is_left_alone()
    {
        var trim = new HeapTrim();
        long allocated = 0;
        Assert.False(trim.IsDue(Much - 1, allocated += HeapTrim.Quiet));
        // While it lasts.
        Assert.False(trim.IsDue(4 * Much, allocated += 100 * Much));
        Assert.False(trim.IsDue(5 * Much, allocated += HeapTrim.Quiet));
        Assert.True(trim.IsDue(5 * Much, allocated += HeapTrim.Quiet - 1));
        // What is still held then is alive.
        Assert.False(trim.IsDue(5 * Much, allocated += 1));
        Assert.False(trim.IsDue(6 * Much - 1, allocated += 1));
        Assert.True(trim.IsDue(6 * Much, allocated + 1));
    }

    [Fact]
    public void The_first_look_collects_nothing_and_neither_does_a_small_heap()
    {
        var trim = new HeapTrim();
        Assert.False(trim.IsDue(Much, 0));
        Assert.True(trim.IsDue(Much, 0));
        var small = new HeapTrim();
        for (int look = 0; look < 10; look++) Assert.False(small.IsDue(Much - 1, look));
    }
}
