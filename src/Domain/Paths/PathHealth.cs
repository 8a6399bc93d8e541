using System.Collections.Immutable;
using System.Numerics;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Paths;

/// <summary>
/// Counters of the bound path's traffic: what either end has received, of how many. <paramref name="Epoch"/> names the
/// keys that they count; another epoch starts anew.
/// </summary>
/// <param name="UpHighest">One more than the highest counter that the gateway has accepted.</param>
/// <param name="UpReceived">Counters that the gateway has accepted.</param>
/// <param name="DownHighest">One more than the highest counter that this side has accepted.</param>
/// <param name="DownReceived">Counters that this side has accepted.</param>
public readonly record struct TrafficSample(uint Epoch, ulong UpHighest, ulong UpReceived, ulong DownHighest, ulong DownReceived);

/// <summary>
/// What is known of one path. Only authenticated answers are told to it, so only they count as life. Bounded and
/// immutable; a few hundred updates a second at most, never one per packet.
/// </summary>
public sealed record PathHealth
{
    /// <summary>A path of which nothing is known.</summary>
    public static readonly PathHealth New = new();

    private PathHealth()
    {
    }

    public PathState State { get; init; } = PathState.Unknown;

    /// <summary>False from a link or route event, or a local send error, until the link is back or something answers.</summary>
    public bool IsLinkUp { get; init; } = true;

    public RttEstimator Rtt { get; init; } = RttEstimator.None;

    /// <summary>Loss of traffic to the gateway.</summary>
    public LossWindow Up { get; private init; } = LossWindow.Empty;

    /// <summary>Loss of traffic from the gateway.</summary>
    public LossWindow Down { get; private init; } = LossWindow.Empty;

    /// <summary>Loss of probes and reports, there and back.</summary>
    public LossWindow RoundTrip { get; private init; } = LossWindow.Empty;

    /// <summary>When the last probe was sent; null if none was.</summary>
    public Instant? LastSentAt { get; private init; }

    /// <summary>When the last answer came; null if none did.</summary>
    public Instant? LastAnswerAt { get; private init; }

    /// <summary>When the newest answered probe had been sent.</summary>
    public Instant? LastAnsweredSentAt { get; private init; }

    /// <summary>When the first probe that is unanswered since the last answer was due; never if none is waiting.</summary>
    public Instant SilentSince { get; private init; } = Instant.Never;

    /// <summary>Probes given up since the last answer.</summary>
    public int LostInRow { get; private init; }

    /// <summary>Answered without a relapse since then; never if it is not healthy.</summary>
    public Instant HealthySince { get; private init; } = Instant.Never;

    /// <summary>Somebody claims an error (ICMP, which can be forged): raises suspicion until the next answer, nothing more.</summary>
    public bool IsDoubtful { get; private init; }

    private ImmutableArray<SentProbe> Outstanding { get; init; } = [];

    private ushort LostBits { get; init; }

    private TrafficSample? Traffic { get; init; }

    /// <summary>A probe or report was sent.</summary>
    public PathHealth ProbeSent(ulong counter, Instant at)
    {
        ImmutableArray<SentProbe> outstanding = Outstanding.Length >= PathConstants.MaxOutstanding ? Outstanding.RemoveAt(0) : Outstanding;
        return this with
        {
            Outstanding = outstanding.Add(new(counter, at)),
            LastSentAt = at,
            SilentSince = Instant.Min(SilentSince, at + Rtt.Smoothed),
        };
    }

    /// <summary>An authentic answer came. An answer to a probe that is no longer waited for proves life, but measures nothing.</summary>
    public PathHealth ProbeAnswered(ulong counter, Instant at)
    {
        PathHealth next = this with
        {
            State = State == PathState.Dead && LostInRow > 0 ? PathState.Suspect : PathState.Live,
            IsLinkUp = true,
            IsDoubtful = false,
            LastAnswerAt = at,
            LostInRow = 0,
            // A path that comes back from the dead starts a new record.
            LostBits = State == PathState.Dead ? (ushort)0 : LostBits,
        };
        int index = 0;
        while (index < Outstanding.Length && Outstanding[index].Counter != counter) index++;
        if (index == Outstanding.Length) return next.Settle();
        SentProbe probe = Outstanding[index];
        RttEstimator rtt = Rtt.Measure(at - probe.At, at);
        next = next with
        {
            Rtt = rtt,
            LastAnsweredSentAt = probe.At,
            Outstanding = Outstanding.RemoveAt(index),
            RoundTrip = RoundTrip.Add(at, 1, 0),
            LostBits = (ushort)(next.LostBits << 1),
        };
        // What is older than an answered probe, by more than reordering explains, is lost.
        next = next.GiveUp(at, waiting => waiting.Counter < counter && waiting.At + rtt.Expected + PathConstants.ReorderGrace < at) with { LostInRow = 0 };
        next = next.Settle(counter);
        bool isHealthy = BitOperations.PopCount(next.LostBits) < PathConstants.UnhealthyLosses && next.State == PathState.Live;
        return next with { HealthySince = isHealthy ? Instant.Min(next.HealthySince, at) : Instant.Never };
    }

    /// <summary>Gives up probes whose answer is missing. A standby that stays silent dies of it; the bound path dies only by selection.</summary>
    public PathHealth Expire(Instant at, bool isBound)
    {
        TimeSpan patience = Rtt.Expected + PathConstants.ProbeGrace;
        PathHealth next = GiveUp(at, waiting => waiting.At + patience < at);
        if (ReferenceEquals(next, this)) return this;
        PathState state = State switch
        {
            PathState.Dead => PathState.Dead,
            _ when !isBound && next.LostInRow >= PathConstants.StandbyLosses => PathState.Dead,
            PathState.Live => PathState.Suspect,
            _ => State,
        };
        bool isHealthy = state != PathState.Dead && next.LostInRow < 2 && BitOperations.PopCount(next.LostBits) < PathConstants.UnhealthyLosses;
        return next with { State = state, HealthySince = isHealthy ? next.HealthySince : Instant.Never };
    }

    /// <summary>Counters of real traffic, from a report's answer and from this side at the same time.</summary>
    public PathHealth Counted(TrafficSample sample, Instant at)
    {
        if (Traffic is not { } last || last.Epoch != sample.Epoch) return this with { Traffic = sample };
        // An answer that was overtaken by a later one says nothing new.
        if (sample.UpHighest < last.UpHighest || sample.DownHighest < last.DownHighest) return this;
        long up = Delta(sample.UpHighest, last.UpHighest), down = Delta(sample.DownHighest, last.DownHighest);
        return this with
        {
            Traffic = sample,
            Up = Up.Add(at, up, up - Delta(sample.UpReceived, last.UpReceived)),
            Down = Down.Add(at, down, down - Delta(sample.DownReceived, last.DownReceived)),
        };
    }

    /// <summary>The link or its route is gone, or the host itself cannot send there: dead at once.</summary>
    public PathHealth LinkLost() => this with
    {
        State = PathState.Dead,
        IsLinkUp = false,
        HealthySince = Instant.Never,
        SilentSince = Instant.Never,
        Outstanding = [],
        Traffic = null,
    };

    /// <summary>The link is back, or its address changed: nothing is known any more, round trips excepted.</summary>
    public PathHealth LinkFound() => New with { Rtt = Rtt };

    /// <summary>Declared dead: others answer and it does not.</summary>
    public PathHealth Died() => this with
    {
        State = PathState.Dead,
        HealthySince = Instant.Never,
        LostInRow = Math.Max(1, LostInRow),
        Traffic = null,
    };

    /// <summary>Left because something was wrong with it: its record of health begins anew.</summary>
    public PathHealth Left() => this with { HealthySince = Instant.Never, Traffic = null };

    /// <summary>Under suspicion.</summary>
    public PathHealth Suspected() => State == PathState.Live ? this with { State = PathState.Suspect } : this;

    /// <summary>An ICMP error arrived.</summary>
    public PathHealth ErrorClaimed() => Suspected() with { IsDoubtful = true };

    /// <summary>How long the first missing answer is overdue, counted no earlier than <paramref name="notBefore"/>; zero if none is.</summary>
    public TimeSpan Overdue(Instant at, Instant notBefore)
    {
        if (SilentSince == Instant.Never) return TimeSpan.Zero;
        Instant due = Instant.Max(SilentSince, notBefore);
        return at > due ? at - due : TimeSpan.Zero;
    }

    /// <summary>What is lost at least, in millionths: the worst of traffic up, traffic down and probes.</summary>
    public int LossLowerPpm(Instant at) => Math.Max(Math.Max(Up.LowerPpm(at), Down.LowerPpm(at)), RoundTrip.LowerPpm(at));

    /// <summary>
    /// True while loss goes on: the last one was a moment ago, or losses spread over many slices. A single burst is not.
    /// </summary>
    public bool IsLosing(Instant at) => Loses(Up, at) || Loses(Down, at) || Loses(RoundTrip, at);

    private static bool Loses(LossWindow window, Instant at) =>
        (window.LastLossAt is { } last && at - last <= PathConstants.LossGoesOn)
        || window.LossySlices(at) >= PathConstants.LossSpread || window.LossBursts(at) >= PathConstants.LossRepeats;

    /// <summary>Bound now: an authentic answer came there, and traffic is counted anew.</summary>
    public PathHealth Proven(Instant at) => this with
    {
        State = PathState.Live,
        IsLinkUp = true,
        IsDoubtful = false,
        LastAnswerAt = at,
        LostInRow = 0,
        Outstanding = [],
        SilentSince = Instant.Never,
        Up = LossWindow.Empty,
        Down = LossWindow.Empty,
        RoundTrip = LossWindow.Empty,
        Traffic = null,
    };

    /// <summary>
    /// The same over the full two seconds, which prove a smaller loss too. Probes there and back are lost twice as often as
    /// traffic one way, so they count half.
    /// </summary>
    public int SustainedLossLowerPpm(Instant at) => Math.Max(
        Math.Max(Up.Sum(at, PathConstants.LossSlices).LowerPpm, Down.Sum(at, PathConstants.LossSlices).LowerPpm),
        RoundTrip.Sum(at, PathConstants.LossSlices).LowerPpm / 2);

    /// <summary>True if probes were lost all along, before a silence began.</summary>
    public bool IsLossy(Instant at) => RoundTrip.Sum(at, 10).Lost >= PathConstants.LossyProbes;

    /// <summary>What was lost over the last two seconds, in millionths, for people: the worse direction, or probes where no traffic flows.</summary>
    public int LossPpm(Instant at)
    {
        LossFigure up = Up.Sum(at, PathConstants.LossSlices), down = Down.Sum(at, PathConstants.LossSlices);
        return up.Expected + down.Expected > 0 ? Math.Max(up.Ppm, down.Ppm) : RoundTrip.Sum(at, PathConstants.LossSlices).Ppm;
    }

    private static long Delta(ulong now, ulong before) => now > before ? (long)Math.Min(now - before, int.MaxValue) : 0;

    private PathHealth GiveUp(Instant at, Func<SentProbe, bool> isLost)
    {
        int lost = 0;
        foreach (SentProbe probe in Outstanding) lost += isLost(probe) ? 1 : 0;
        if (lost == 0) return this;
        return this with
        {
            Outstanding = Outstanding.RemoveAll(probe => isLost(probe)),
            RoundTrip = RoundTrip.Add(at, lost, lost),
            LostInRow = Math.Min(LostInRow + lost, 1000),
            LostBits = (ushort)((LostBits << Math.Min(lost, 16)) | ((1 << Math.Min(lost, 16)) - 1)),
        };
    }

    /// <summary>Silence begins anew with the first probe after the answered one.</summary>
    private PathHealth Settle(ulong answered = 0)
    {
        Instant since = Instant.Never;
        foreach (SentProbe probe in Outstanding)
            if (probe.Counter > answered) since = Instant.Min(since, probe.At + Rtt.Smoothed);
        return this with { SilentSince = since };
    }

    private readonly record struct SentProbe(ulong Counter, Instant At);
}
