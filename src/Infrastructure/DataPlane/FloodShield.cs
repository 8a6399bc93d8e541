using System.Numerics;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Has the kernel drop most of a flood before it is queued (REQ-FLOOD-8): to receive a datagram costs more than to refuse it, and a full
/// queue hits the clients' datagrams too. It is up while more comes in vain than <see cref="RaiseAt"/>, as a program on the socket that
/// passes all from sources from which something was proven lately. Of the rest:
/// <list type="bullet">
/// <item>control datagrams, if the flood comes from sources that have failed before: those pass by chance, and everybody else passes;</item>
/// <item>control datagrams, if it comes from ever new sources: what names a session that no flood names passes, so that its client may come from
/// anywhere, and all others pass by chance; if a flood names too many sessions to keep them apart, all do for as long as the shield is up;</item>
/// <item>data packets, which only known sources can send: all others pass by chance.</item>
/// </list>
/// The chance is such that <see cref="Sample"/> to twice that come through in a second: by them the flood is measured. Data packets count
/// by themselves, since a node that has just started is sent data that it cannot open, and its clients must be heard. Nothing is decided
/// here about sessions: what passes is checked as always.
/// </summary>
internal sealed class FloodShield(int socket, int descriptor, IKnownSources known, DropCounters drops)
{
    /// <summary>Datagrams a second, in vain, from which on the shield is up.</summary>
    public const int RaiseAt = 50_000;

    /// <summary>Below which it goes down.</summary>
    public const int LowerAt = 25_000;

    /// <summary>At least so many datagrams a second pass by chance, if they come.</summary>
    public const int Sample = 16_000;

    /// <summary>Of what passes by chance at least one in two to that power does.</summary>
    private const int MaxShift = 6;

    /// <summary>
    /// In so many windows more than in others <see cref="RaiseAt"/> must come in vain that names sessions: then it is the flood that does.
    /// </summary>
    public const int NamingWindows = 12;

    /// <summary>What remains of a rate after a window of nothing: a flood that pauses for a moment is not let in when it goes on.</summary>
    private const double Fading = 0.9;

    /// <summary>Over which datagrams are counted.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a flood must be over. When it is, everything passes at once; what waits is the word of it.</summary>
    public static readonly TimeSpan LowerAfter = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Between two programs, whose making takes 0.6 ms from the traffic, or 1.3 ms if thousands of sources fail. An honest source whose bit is a
    /// failing one's waits that long for another.
    /// </summary>
    public static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    /// <summary>The same where something of a source or a session has just become known: who was proven goes on to confirm and to send.</summary>
    public static readonly TimeSpan NewsSpacing = TimeSpan.FromMilliseconds(20);

    /// <summary>A program with sessions is not older than that: some are new, and floods in the name of others are over.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    /// <summary>After the kernel has taken no program at all.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly ShieldLoader _loader = new(descriptor, known);
    private int _data, _again, _others, _againNaming, _othersNaming;
    private double _dataRate, _againRate, _othersRate;
    private ShieldPlan _plan;
    private int _version;
    private uint _kernelDrops;
    private Instant _windowStart = Instant.Zero;
    private Instant _lowerAt = Instant.Never;
    private Instant _nextProgram = Instant.Zero;
    private Instant _nextNews = Instant.Zero;
    private Instant _loadedAt = Instant.Zero;
    private int _naming;
    private bool _namesSessions;

    /// <summary>What was queued before the program changed does not tell what passes now.</summary>
    private bool _isStale;

    public bool IsUp => _plan != default;

    /// <summary>There is something to look at: without a flood that spares each batch a look at the clock.</summary>
    public bool NeedsReview => IsUp || (_data | _again | _others | _againNaming | _othersNaming) != 0;

    /// <summary>A datagram, or one bundle of them, came in vain.</summary>
    public void Count(Outcome outcome)
    {
        switch (outcome)
        {
            case Outcome.VainData:
                _data++;
                break;
            case Outcome.Refused:
                _others++;
                break;
            case Outcome.RefusedAgain:
                _again++;
                break;
            case Outcome.RefusedNaming:
                _othersNaming++;
                break;
            case Outcome.RefusedAgainNaming:
                _againNaming++;
                break;
            default:
                break;
        }
    }

    /// <summary>After each batch, and while the shield is up from time to time.</summary>
    public void Review(Instant now)
    {
        TimeSpan elapsed = now - _windowStart;
        if (elapsed < Window)
        {
            if (_plan.KeepsNewcomers && _version != known.Version && now >= _nextNews) Load(_plan, now);
            return;
        }

        double naming = (_againNaming + _othersNaming) / elapsed.TotalSeconds;
        if (!_isStale) Measure(elapsed.TotalSeconds);
        (_data, _again, _others, _againNaming, _othersNaming) = (0, 0, 0, 0, 0);
        (_windowStart, _isStale) = (now, false);
        double most = Math.Max(_dataRate, _againRate + _othersRate);
        if (!IsUp && most < RaiseAt) return;
        if (IsUp) CountDrops();
        if (_plan.Sessions) JudgeSessions(naming);
        if (most >= LowerAt) _lowerAt = now + LowerAfter;
        if (now >= _lowerAt) Lower();
        else Hold(Next(_dataRate, _againRate, _othersRate), now);
    }

    private void JudgeSessions(double naming)
    {
        _naming = Math.Max(0, _naming + (naming >= RaiseAt ? 1 : -1));
        _namesSessions |= _naming >= NamingWindows;
    }

    /// <summary>What came, kept off or not, in datagrams a second.</summary>
    private void Measure(double seconds)
    {
        double fading = IsUp ? Math.Pow(Fading, seconds / Window.TotalSeconds) : 0;
        _dataRate = Math.Max(_dataRate * fading, ((long)_data << _plan.DataShift) / seconds);
        // What passes for its session's sake passes as a whole, and is no sample of anything.
        int naming = _plan.Sessions ? 0 : _plan.ControlShift;
        _againRate = Math.Max(_againRate * fading, (((long)_again << _plan.ControlShift) + ((long)_againNaming << naming)) / seconds);
        bool isSample = _plan.Control == ShieldedControl.AllButProven;
        _othersRate = Math.Max(
            _othersRate * fading,
            (((long)_others << (isSample ? _plan.ControlShift : 0)) + ((long)_othersNaming << (isSample ? naming : 0))) / seconds);
    }

    private ShieldPlan Next(double data, double again, double others)
    {
        bool isOfData = data >= (_plan.Data ? LowerAt : RaiseAt);
        ShieldedControl control = _plan.Control;
        if (others >= (control == ShieldedControl.AllButProven ? LowerAt : RaiseAt)) control = ShieldedControl.AllButProven;
        else if (again + others >= (control == ShieldedControl.None ? RaiseAt : LowerAt)) control = ShieldedControl.Failing;
        else if (isOfData) control = ShieldedControl.None;
        // A shield that is up always keeps something, whatever it is: it comes down by Lower alone.
        bool keepsData = isOfData || control == ShieldedControl.None || (_plan.Data && again + others < LowerAt);
        return new(
            keepsData, keepsData ? Shift(_plan.DataShift, data) : 0,
            control, control == ShieldedControl.None ? 0 : Shift(_plan.ControlShift, control == ShieldedControl.Failing ? again : again + others),
            Sessions: control == ShieldedControl.AllButProven && !_namesSessions);
    }

    /// <summary>The share for a rate; one that is about right stays.</summary>
    private static int Shift(int shift, double rate)
    {
        int wanted = BitOperations.Log2((uint)Math.Clamp(rate / Sample, 1, 1 << MaxShift));
        return wanted > shift || rate < Sample * 0.7 * (1 << shift) ? wanted : shift;
    }

    private void Hold(ShieldPlan next, Instant now)
    {
        bool wasUp = IsUp;
        if (now < _nextProgram) return;
        bool isOld = _version != known.Version || (next.Sessions && now - _loadedAt >= Freshness);
        // An honest source whose bit is a failing one's gets another with each program.
        bool isUnfair = next is { Control: ShieldedControl.Failing, ControlShift: > 0 };
        if (next == _plan && !isOld && !isUnfair) return;
        bool isLoaded = Load(next, now);
        _nextProgram = now + (isLoaded ? Spacing : Retry);
        if (!isLoaded || wasUp) return;
        _kernelDrops = SocketFilter.Drops(descriptor) ?? _kernelDrops;
        known.Shielded(socket, isUp: true, _dataRate + _againRate + _othersRate);
    }

    private bool Load(in ShieldPlan plan, Instant now)
    {
        int version = known.Version;
        bool isLoaded = _loader.TryLoad(plan, isFirst: !IsUp, now);
        _nextNews = now + (isLoaded ? NewsSpacing : Retry);
        if (!isLoaded) return false;
        _isStale |= plan != _plan;
        (_plan, _version, _loadedAt) = (plan, version, now);
        return true;
    }

    private void Lower()
    {
        SocketFilter.Detach(descriptor);
        (_plan, _lowerAt, _naming, _namesSessions) = (default, Instant.Never, 0, false);
        known.Shielded(socket, isUp: false, _dataRate + _againRate + _othersRate);
    }

    private void CountDrops()
    {
        if (SocketFilter.Drops(descriptor) is not { } total) return;
        drops.Add(DropReason.Shed, (int)Math.Min(int.MaxValue, unchecked(total - _kernelDrops)));
        _kernelDrops = total;
    }
}
