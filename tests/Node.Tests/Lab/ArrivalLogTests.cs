using JumpingVpn.Node.Lab.Probes;

namespace JumpingVpn.Node.Tests.Lab;

public sealed class ArrivalLogTests
{
    [Fact]
    public void The_longest_gap_lies_between_two_arrivals()
    {
        ArrivalLog log = With((0, 100), (1, 110), (2, 170), (3, 180));
        Assert.Equal(60, log.LongestGap(100, 185));
    }

    [Fact]
    public void Silence_up_to_the_end_is_a_gap() => Assert.Equal(90, With((0, 100), (1, 110)).LongestGap(100, 200));

    [Fact]
    public void Silence_from_the_start_is_a_gap() => Assert.Equal(100, With((0, 150), (1, 160)).LongestGap(50, 165));

    [Fact]
    public void What_lies_outside_does_not_count() => Assert.Equal(10, With((0, 100), (1, 200), (2, 210), (3, 400)).LongestGap(200, 220));

    [Fact]
    public void No_arrival_at_all_is_one_gap() => Assert.Equal(100, new ArrivalLog(4).LongestGap(100, 200));

    [Fact]
    public void A_duplicate_is_counted_and_ends_no_gap()
    {
        ArrivalLog log = With((0, 100), (0, 150), (1, 200));
        Assert.Equal(1, log.Duplicates);
        Assert.Equal(2, log.Count);
        Assert.Equal(100, log.LongestGap(100, 200));
    }

    [Fact]
    public void A_number_below_an_earlier_one_is_reordered()
    {
        ArrivalLog log = With((0, 100), (2, 110), (1, 120), (3, 130));
        Assert.Equal(1, log.Reordered);
        Assert.Equal(4, log.Count);
    }

    [Fact]
    public void Numbers_that_nobody_sent_are_set_aside()
    {
        ArrivalLog log = With((-1, 100), (4, 110), (long.MaxValue, 120));
        Assert.Equal(3, log.Foreign);
        Assert.Equal(0, log.Count);
    }

    private static ArrivalLog With(params (long Sequence, long Time)[] arrivals)
    {
        var log = new ArrivalLog(4);
        foreach ((long sequence, long time) in arrivals) log.Record(sequence, time);
        return log;
    }
}
