using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>Makes the shield's programs from what is known of sources and sessions, and puts them on the socket. One thread.</summary>
internal sealed class ShieldLoader(int descriptor, IKnownSources known)
{
    /// <summary>A program for both kinds has room for so many bits for data packets, as a power of two.</summary>
    private const int MaxDataBitsBeside = 12;

    /// <summary>Beside that it has for sessions, and as many for proven sources.</summary>
    private const int MaxSessionBits = 14;

    /// <summary>With more sessions or proven sources than one to so many bits too much passes for none of them: then no session lets anybody in.</summary>
    private const int LeastBits = 16;

    private readonly ShieldProgram _program = new();
    private readonly ShieldBits _dataBits = new(ShieldKey.Source);
    private readonly ShieldBits _provenBits = new(ShieldKey.Source);
    private readonly ShieldBits _failingBits = new(ShieldKey.Network);
    private readonly ShieldBits _sessionBits = new(ShieldKey.Session);
    private Endpoint[] _sources = [];
    private SessionId[] _sessions = [];
    private ShieldPlan _last;
    private int _maxBits = ShieldBits.MaxBits;

    /// <summary>False if the kernel takes no program at all: then nothing has changed.</summary>
    /// <param name="isFirst">There is no program on the socket.</param>
    public bool TryLoad(in ShieldPlan plan, bool isFirst, Instant now)
    {
        if (_sources.Length == 0) (_sources, _sessions) = (new Endpoint[known.Capacity], new SessionId[(1 << MaxSessionBits) / LeastBits]);
        // Another kind of program has another length.
        if ((plan.Data, plan.Control, plan.Sessions) != (_last.Data, _last.Control, _last.Sessions)) _maxBits = ShieldBits.MaxBits;
        _last = plan;
        for (; _maxBits >= ShieldBits.MinBits; _maxBits--)
        {
            if (TryAttach(Write(plan, now), isFirst)) return true;
            // Too long for this kernel's memory for options (net.core.optmem_max): a shorter one lets more pass that should not.
        }

        // For the next try: it may have been want of memory.
        _maxBits = ShieldBits.MaxBits;
        return false;
    }

    private ReadOnlySpan<ulong> Write(in ShieldPlan plan, Instant now)
    {
        // One buffer serves both: what fails is read first.
        if (plan.Control == ShieldedControl.Failing)
        {
            _failingBits.Clear(_maxBits, passes: true);
            _failingBits.Set(_sources.AsSpan(0, known.Read(SourceRecord.Failing, _sources, now)), passes: false);
        }

        ReadOnlySpan<Endpoint> proven = _sources.AsSpan(0, known.Read(SourceRecord.Proven, _sources, now));
        int room = Math.Min(_maxBits, MaxSessionBits);
        ShieldBits? sessions = plan.Sessions && proven.Length <= (1 << room) / LeastBits ? ReadSessions(room, now) : null;
        if (plan.Control == ShieldedControl.AllButProven)
        {
            int most = sessions is null ? _maxBits : room;
            _provenBits.Clear(ShieldBits.BitsFor(proven.Length, most), passes: false);
        }

        ShieldBits? control = plan.Control switch { ShieldedControl.Failing => _failingBits, ShieldedControl.AllButProven => _provenBits, _ => null };
        control?.Set(proven, passes: true);
        if (plan.Data)
        {
            int most = control is null ? _maxBits : Math.Min(_maxBits, MaxDataBitsBeside);
            _dataBits.Clear(ShieldBits.BitsFor(proven.Length, most), passes: false);
            _dataBits.Set(proven, passes: true);
        }

        return _program.Write(plan.Data ? _dataBits : null, plan.DataShift, control, plan.ControlShift, sessions);
    }

    private ShieldBits? ReadSessions(int room, Instant now)
    {
        int count = known.ReadSessions(_sessions.AsSpan(0, (1 << room) / LeastBits), now);
        if (count == 0) return null;
        _sessionBits.Clear(ShieldBits.BitsFor(count, room), passes: false);
        _sessionBits.Set(_sessions.AsSpan(0, count));
        return _sessionBits;
    }

    /// <summary>The kernel counts the old program's memory until the new one is in its place: the first must leave room for another of its size.</summary>
    private bool TryAttach(ReadOnlySpan<ulong> program, bool isFirst)
    {
        if (!SocketFilter.TryAttach(descriptor, program)) return false;
        if (!isFirst || SocketFilter.TryAttach(descriptor, program)) return true;
        SocketFilter.Detach(descriptor);
        return false;
    }
}
