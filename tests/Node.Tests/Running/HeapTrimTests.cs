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
        Assert.False(trim.IsDue(Much, allocated += HeapTrim.Quiet));
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
    public void What_the_start_has_left_is_no_rush_and_little_is_none()
    {
        var trim = new HeapTrim();
        for (int look = 0; look < 10; look++) Assert.False(trim.IsDue(10 * Much, look));
        Assert.False(trim.IsDue(11 * Much - 1, 11));
        Assert.True(trim.IsDue(11 * Much, 12));
    }
}
