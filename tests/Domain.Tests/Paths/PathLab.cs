using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Paths;

/// <summary>A wire whose delay and drops are functions of time, in milliseconds from the start.</summary>
internal sealed class Wire
{
    public double OneWay { get; set; } = 0.2;

    public double Jitter { get; set; } = 0.1;

    public Func<double, double> UpLoss { get; set; } = _ => 0;

    public Func<double, double> DownLoss { get; set; } = _ => 0;

    public Func<double, double> BothLoss
    {
        set => UpLoss = DownLoss = value;
    }
}

/// <summary>
/// A client's selection, a gateway that answers, wires between them, and time that passes only when told: drives the
/// shipped selection through faults and counts what an application would see.
/// </summary>
internal sealed class PathLab
{
    private readonly Random random;
    private readonly PriorityQueue<Action, (long Due, long Order)> queue = new();
    private long order;
    private Instant now = Instant.FromMilliseconds(1_000_000);
    private readonly Instant start;
    private ulong counter;
    private uint epoch = 1;
    private PathId gatewayBound;
    private long attempt;
    private ulong upSent, upHighest, upReceived, downSent, downHighest, downReceived;
    private Instant scheduled = Instant.Never;
    private double stalledUntil;

    public PathLab(int seed, int paths = 2, SessionPolicy? policy = null)
    {
        random = new Random(seed);
        start = now;
        Selection = PathSelection.Create(policy ?? SessionPolicy.Default);
        for (int i = 0; i < paths; i++)
        {
            Assert.True(Selection.TryAdd(new PathId((uint)i), i, out PathSelection added));
            Selection = added;
            Wires.Add(new Wire());
        }

        gatewayBound = new PathId(0);
        Selection = Selection.Attach(gatewayBound, now);
        Moves.Clear();
    }

    public PathSelection Selection { get; private set; }

    public List<Wire> Wires { get; } = [];

    /// <summary>(time in ms, path, cause) of each binding after the first.</summary>
    public List<(double At, uint To, MoveCause Cause)> Moves { get; } = [];

    public List<(double At, PathDecision Decision)> Decisions { get; } = [];

    public List<double> UpArrivals { get; } = [];

    public List<double> DownArrivals { get; } = [];

    /// <summary>Milliseconds between packets in each direction; 0 for silence.</summary>
    public double UpEvery { get; set; } = 10;

    public double DownEvery { get; set; } = 10;

    /// <summary>How late the client's timers fire, in ms.</summary>
    public Func<double> Lateness { get; set; } = () => 0;

    public double Now => (now - start).TotalMilliseconds;

    public int Probes { get; private set; }

    public void At(double ms, Action action) => queue.Enqueue(action, (start.Ticks + (long)Math.Ceiling((ms * TimeSpan.TicksPerMillisecond) - 0.001), order++));

    /// <summary>Stalls the client's process: everything that would happen there waits.</summary>
    public void Stall(double ms) => stalledUntil = Math.Max(stalledUntil, Now + ms);

    public void Run(double untilMs)
    {
        if (order == 0 || scheduled == Instant.Never)
        {
            Traffic(true);
            Traffic(false);
            Client(() => { });
        }

        long end = (start + TimeSpan.FromMilliseconds(untilMs)).Ticks;
        while (queue.TryPeek(out _, out (long Due, long Order) next) && next.Due <= end)
        {
            Action action = queue.Dequeue();
            now = new Instant(Math.Max(now.Ticks, next.Due));
            action();
        }

        now = new Instant(end);
    }

    /// <summary>Longest gap between arrivals, both directions, from that time on.</summary>
    public double Outage(double from, double to) => Math.Max(Gap(UpArrivals, from, to), Gap(DownArrivals, from, to));

    /// <summary>Share of packets that arrived between two times, the worse direction.</summary>
    public double Delivered(double from, double to) =>
        Math.Min(UpArrivals.Count(at => at >= from && at < to), DownArrivals.Count(at => at >= from && at < to)) / ((to - from) / 10);

    /// <summary>An input to the selection.</summary>
    public void Tell(Func<PathSelection, PathSelection> input) => Selection = input(Selection);

    /// <summary>Runs in the client's process, and steps the selection afterwards.</summary>
    public void Client(Action input)
    {
        if (Now < stalledUntil)
        {
            At(stalledUntil, () => Client(input));
            return;
        }

        input();
        PathStep step = Selection.Step(now, UpEvery == 0 && DownEvery == 0 ? Instant.Zero : now - TimeSpan.FromMilliseconds(5));
        Selection = step.Next;
        if (step.Decision is not PathDecision.Stay) Decisions.Add((Now, step.Decision));
        foreach (PathId path in step.Probes) Probe(path);
        if (step.Decision is PathDecision.Switch move) Attempt(move.To, move.Kind, move.Cause, 0, ++attempt);
        if (step.Decision is PathDecision.AllSilent && retrying != attempt)
        {
            retrying = ++attempt;
            Retry(retrying, 0);
        }

        Assert.True(step.WakeAt > now, "the selection wants to wake at once");
        scheduled = step.WakeAt;
        if (step.WakeAt == Instant.Never) return;
        Instant mine = step.WakeAt;
        At((mine - start).TotalMilliseconds + Lateness(), () =>
        {
            if (scheduled == mine) Client(() => { });
        });
    }

    private long retrying = -1;

    private void Retry(long number, int tries)
    {
        if (number != attempt || Selection.SuspectSince is null) return;
        foreach (PathId path in Selection.Best(now).Take(2)) Attempt(path, ReattachKind.Dead, MoveCause.Dead, 99, number);
        At(Now + Pause(tries), () => Retry(number, tries + 1));
    }

    private void Probe(PathId path)
    {
        ulong probe = ++counter;
        Probes++;
        Selection = Selection.ProbeSent(path, probe, now);
        Wire wire = Wires[(int)path.Value];
        uint sentEpoch = epoch;
        Send(wire, true, () =>
        {
            (ulong highest, ulong received) = (upHighest, upReceived);
            bool isBound = gatewayBound == path;
            Send(wire, false, () => Client(() =>
            {
                Selection = Selection.ProbeAnswered(path, probe, now, isBound || Selection.Bound != path ? null : false);
                if (Selection.Bound == path && sentEpoch == epoch)
                    Selection = Selection.Counted(new(epoch, highest, received, downHighest, downReceived), now);
            }));
        });
    }

    /// <summary>Prepare, prepared, confirm, commit, bound; sent again until it is overtaken.</summary>
    private void Attempt(PathId to, ReattachKind kind, MoveCause cause, int tries, long number)
    {
        if (number != attempt || (tries < 90 && Selection.Moving?.To != to)) return;
        Wire wire = Wires[(int)to.Value];
        Send(wire, true, () => Send(wire, false, () => Send(wire, true, () => At(Now + 3, () =>
        {
            if (number != attempt) return;
            gatewayBound = to;
            epoch++;
            upSent = upHighest = upReceived = downSent = downHighest = downReceived = 0;
            uint bound = epoch;
            Send(wire, false, () => Client(() => Bound(to, kind, cause, bound)));
        }))));
        if (tries < 90) At(Now + Pause(tries), () => Attempt(to, kind, cause, tries + 1, number));
    }

    /// <summary>Milliseconds before an attempt is repeated: growing by the square root of two, and never long, as a client's.</summary>
    private static double Pause(int tries) => tries switch { 0 => 50, 1 => 70, 2 => 100, 3 => 140, _ => 200 };

    private void Bound(PathId to, ReattachKind kind, MoveCause cause, uint bound)
    {
        if (bound != epoch) return;
        attempt++;
        Moves.Add((Now, to.Value, cause));
        Selection = Selection.Bind(to, kind, now);
    }

    private void Traffic(bool up)
    {
        double every = up ? UpEvery : DownEvery;
        At(Now + (every == 0 ? 10 : every), () => Traffic(up));
        if (every == 0) return;
        uint sentEpoch = epoch;
        if (up && Now < stalledUntil) return;
        PathId path = up ? Selection.Bound ?? gatewayBound : gatewayBound;
        ulong number = up ? ++upSent : ++downSent;
        Send(Wires[(int)path.Value], up, () =>
        {
            if (sentEpoch != epoch || path != gatewayBound) return;
            if (up)
            {
                upHighest = Math.Max(upHighest, number);
                upReceived++;
                UpArrivals.Add(Now);
            }
            else
            {
                downHighest = Math.Max(downHighest, number);
                downReceived++;
                DownArrivals.Add(Now);
            }
        });
    }

    private void Send(Wire wire, bool up, Action arrive)
    {
        if (random.NextDouble() < (up ? wire.UpLoss : wire.DownLoss)(Now)) return;
        At(Now + wire.OneWay + (wire.Jitter * random.NextDouble()), arrive);
    }

    private static double Gap(List<double> arrivals, double from, double to)
    {
        double last = from, longest = 0;
        foreach (double at in arrivals.Where(at => at >= from && at <= to))
        {
            longest = Math.Max(longest, at - last);
            last = at;
        }

        return Math.Max(longest, to - last);
    }
}
