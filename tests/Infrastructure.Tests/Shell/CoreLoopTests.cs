using System.Collections.Concurrent;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Infrastructure.Tests.Shell;

/// <summary>When the loop takes an input, and when its timer.</summary>
public sealed class CoreLoopTests
{
    private const string Timer = "timer", First = "first", Second = "second";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private long now = Instant.FromMilliseconds(1000).Ticks;

    /// <summary>-1 ms is what .NET takes for "for ever": a loop that slept then would sleep until something else woke it.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(TimeSpan.TicksPerMillisecond - 1)]
    [InlineData(TimeSpan.TicksPerMillisecond)]
    [InlineData(TimeSpan.TicksPerMillisecond + 1)]
    [InlineData(TimeSpan.TicksPerSecond)]
    public void A_deadline_that_has_passed_meanwhile_is_due_however_long_ago(long ticksAgo)
    {
        using var taken = new BlockingCollection<string>();
        using CoreLoop<string> loop = Start(taken, input =>
        {
            if (input != First) return Instant.Never;
            Instant deadline = Clock() + TimeSpan.FromMilliseconds(5);
            Volatile.Write(ref now, deadline.Ticks + ticksAgo);
            return deadline;
        });
        loop.Post(First);
        Assert.Equal([First, Timer], Take(taken, 2));
    }

    [Fact]
    public void What_is_due_comes_before_inputs_and_without_a_deadline_only_inputs_come()
    {
        using var taken = new BlockingCollection<string>();
        using var both = new ManualResetEventSlim();
        using CoreLoop<string> loop = Start(taken, input =>
        {
            both.Wait(Patience);
            return input == First ? Clock() : Instant.Never;
        });
        loop.Post(First);
        Assert.True(loop.TryPostDatagram(Second));
        both.Set();
        Assert.Equal([First, Timer, Second], Take(taken, 3));
        Assert.False(taken.TryTake(out _, 50));
        loop.Post(Second);
        Assert.Equal([Second], Take(taken, 1));
    }

    [Fact]
    public void A_deadline_that_is_to_come_is_waited_for_and_an_input_meanwhile_is_taken_at_once()
    {
        using var taken = new BlockingCollection<string>();
        Instant deadline = Clock() + TimeSpan.FromMilliseconds(30);
        using CoreLoop<string> loop = Start(taken, input => input == Timer ? Instant.Never : deadline);
        loop.Post(First);
        loop.Post(Second);
        Assert.Equal([First, Second], Take(taken, 2));
        // The clock stands still: nothing is due, however long it takes.
        Assert.False(taken.TryTake(out _, 100));
        Volatile.Write(ref now, deadline.Ticks);
        Assert.Equal([Timer], Take(taken, 1));
    }

    private static string[] Take(BlockingCollection<string> taken, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => taken.TryTake(out string? input, Patience) ? input : "nothing came")];

    private CoreLoop<string> Start(BlockingCollection<string> taken, Func<string, Instant> step)
    {
        var loop = new CoreLoop<string>(
            "core", Clock,
            input =>
            {
                Instant deadline = step(input);
                taken.Add(input);
                return deadline;
            },
            Timer, fault => taken.Add(fault.Message));
        loop.Start();
        return loop;
    }

    private Instant Clock() => new(Volatile.Read(ref now));
}
