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
/// <item>control datagrams, if it comes from ever new sources: all others pass by chance;</item>
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
    public const int Sample = 20_000;

    /// <summary>Of what passes by chance at least one in two to that power does.</summary>
    private const int MaxShift = 6;

    /// <summary>A program for both kinds has room for so many bits for data packets, as a power of two.</summary>
    private const int MaxDataBitsBeside = 12;

    /// <summary>Over which datagrams are counted.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a flood must be over. When it is, everything passes at once; what waits is the word of it.</summary>
    public static readonly TimeSpan LowerAfter = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Between two programs, whose making takes time from the traffic. A source that was just proven waits that long for its data packets, and
    /// an honest one whose bit is a failing one's gets another bit.
    /// </summary>
    public static readonly TimeSpan Spacing = TimeSpan.FromMilliseconds(50);

    /// <summary>After the kernel has taken no program at all.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly SourceFilter _filter = new();
    private readonly SourceBits _dataBits = new(byNetwork: false);
    private readonly SourceBits _provenBits = new(byNetwork: false);
    private readonly SourceBits _failingBits = new(byNetwork: true);
    private Endpoint[] _sources = [];
    private int _data, _again, _others;
    private Plan _plan;
    private int _version;
    private int _maxBits = SourceBits.MaxBits;
    private uint _kernelDrops;
    private Instant _windowStart = Instant.Zero;
    private Instant _lowerAt = Instant.Never;
    private Instant _nextProgram = Instant.Zero;

    /// <summary>Which control datagrams pass by chance.</summary>
    private enum Kept
    {
        None,
        Failing,
        AllButProven,
    }

    public bool IsUp => _plan != default;

    /// <summary>There is something to look at: without a flood that spares each batch a look at the clock.</summary>
    public bool NeedsReview => IsUp || (_data | _again | _others) != 0;

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
            default:
                break;
        }
    }

    /// <summary>After each batch, and while the shield is up from time to time.</summary>
    public void Review(Instant now)
    {
        TimeSpan elapsed = now - _windowStart;
        if (elapsed < Window) return;
        double seconds = elapsed.TotalSeconds;
        double data = ((long)_data << _plan.DataShift) / seconds;
        double again = ((long)_again << _plan.ControlShift) / seconds;
        double others = ((long)_others << (_plan.Control == Kept.AllButProven ? _plan.ControlShift : 0)) / seconds;
        (_data, _again, _others, _windowStart) = (0, 0, 0, now);
        double most = Math.Max(data, again + others);
        if (!IsUp && most < RaiseAt) return;
        if (IsUp) CountDrops();
        if (most >= LowerAt) _lowerAt = now + LowerAfter;
        if (now >= _lowerAt) Lower(data + again + others);
        else Hold(Next(data, again, others), data + again + others, now);
    }

    private Plan Next(double data, double again, double others)
    {
        bool isOfData = data >= (_plan.Data ? LowerAt : RaiseAt);
        Kept control = _plan.Control;
        if (others >= (control == Kept.AllButProven ? LowerAt : RaiseAt)) control = Kept.AllButProven;
        else if (again + others >= (control == Kept.None ? RaiseAt : LowerAt)) control = Kept.Failing;
        else if (isOfData) control = Kept.None;
        // A shield that is up always keeps something, whatever it is: it comes down by Lower alone.
        bool keepsData = isOfData || control == Kept.None || (_plan.Data && again + others < LowerAt);
        return new(
            keepsData, keepsData ? Shift(_plan.DataShift, data) : 0,
            control, control == Kept.None ? 0 : Shift(_plan.ControlShift, control == Kept.Failing ? again : again + others));
    }

    /// <summary>The share for a rate; one that is about right stays.</summary>
    private static int Shift(int shift, double rate)
    {
        int wanted = BitOperations.Log2((uint)Math.Clamp(rate / Sample, 1, 1 << MaxShift));
        return wanted > shift || rate < Sample * 0.7 * (1 << shift) ? wanted : shift;
    }

    private void Hold(Plan next, double perSecond, Instant now)
    {
        bool wasUp = IsUp;
        if (now < _nextProgram) return;
        if (next == _plan && (next.Control != Kept.Failing || next.ControlShift == 0) && _version == known.Version) return;
        if (!TryLoad(next, now))
        {
            _nextProgram = now + Retry;
            return;
        }

        (_plan, _version, _nextProgram) = (next, known.Version, now + Spacing);
        if (wasUp) return;
        _kernelDrops = SocketFilter.Drops(descriptor) ?? _kernelDrops;
        known.Shielded(socket, isUp: true, perSecond);
    }

    /// <summary>False if the kernel takes no program at all: then nothing has changed.</summary>
    private bool TryLoad(in Plan plan, Instant now)
    {
        if (_sources.Length == 0) _sources = new Endpoint[known.Capacity];
        for (; _maxBits >= SourceBits.MinBits; _maxBits--)
        {
            // One buffer serves both: what fails is read first.
            if (plan.Control == Kept.Failing)
            {
                _failingBits.Clear(_maxBits, passes: true);
                _failingBits.Set(_sources.AsSpan(0, known.Read(SourceRecord.Failing, _sources, now)), passes: false);
            }

            ReadOnlySpan<Endpoint> proven = _sources.AsSpan(0, known.Read(SourceRecord.Proven, _sources, now));
            if (plan.Control == Kept.AllButProven) _provenBits.Clear(SourceBits.BitsFor(proven.Length, _maxBits), passes: false);
            SourceBits? control = plan.Control switch { Kept.Failing => _failingBits, Kept.AllButProven => _provenBits, _ => null };
            control?.Set(proven, passes: true);
            if (plan.Data)
            {
                int most = control is null ? _maxBits : Math.Min(_maxBits, MaxDataBitsBeside);
                _dataBits.Clear(SourceBits.BitsFor(proven.Length, most), passes: false);
                _dataBits.Set(proven, passes: true);
            }

            if (TryAttach(_filter.Write(plan.Data ? _dataBits : null, plan.DataShift, control, plan.ControlShift))) return true;
            // Too long for this kernel's memory for options (net.core.optmem_max): a shorter one lets more pass that should not.
        }

        // For the next try: it may have been want of memory.
        _maxBits = SourceBits.MaxBits;
        return false;
    }

    /// <summary>The kernel counts the old program's memory until the new one is in its place: the first must leave room for another of its size.</summary>
    private bool TryAttach(ReadOnlySpan<ulong> program)
    {
        if (!SocketFilter.TryAttach(descriptor, program)) return false;
        if (IsUp || SocketFilter.TryAttach(descriptor, program)) return true;
        SocketFilter.Detach(descriptor);
        return false;
    }

    private void Lower(double perSecond)
    {
        SocketFilter.Detach(descriptor);
        (_plan, _lowerAt) = (default, Instant.Never);
        known.Shielded(socket, isUp: false, perSecond);
    }

    private void CountDrops()
    {
        if (SocketFilter.Drops(descriptor) is not { } total) return;
        drops.Add(DropReason.Shed, (int)Math.Min(int.MaxValue, unchecked(total - _kernelDrops)));
        _kernelDrops = total;
    }

    /// <summary>What the program does.</summary>
    private readonly record struct Plan(bool Data, int DataShift, Kept Control, int ControlShift);
}
