using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Admission;

/// <summary>
/// Which sessions a flood names (REQ-FLOOD-8): those in whose name more comes in vain than any client sends. A flood that knows one id, as a
/// client knows its own, must not take from all others that their ids let them in. One thread; allocates nothing; one table of fixed size.
/// </summary>
/// <param name="mix">Secret, so that nobody can look for an id that shares another's entry.</param>
/// <param name="entries">Of the table; a power of two. Two sessions may share one.</param>
public sealed class SessionMisuse(KeyedMix mix, int entries = SessionMisuse.Entries)
{
    /// <summary>64 KB.</summary>
    public const int Entries = 1 << 12;

    /// <summary>How long it is remembered.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(10);

    /// <summary>What may come in vain in a session's name: a client at a moment of trouble repeats itself some tens of times a second.</summary>
    public static readonly TokenRate Tolerated = TokenRate.PerSecond(200, burst: 200);

    private readonly (TokenBucket Vain, Instant Until)[] _entries = new (TokenBucket, Instant)[entries];

    /// <summary>Changes when a session is misused that was not before.</summary>
    public int Version { get; private set; }

    /// <summary>A datagram that names the session came in vain. True if a flood names it.</summary>
    public bool Note(SessionId session, Instant now)
    {
        ref (TokenBucket Vain, Instant Until) entry = ref _entries[Place(session)];
        if (entry.Vain.TryTake(now, Tolerated, out entry.Vain)) return now < entry.Until;
        if (now >= entry.Until) Version++;
        entry.Until = now + Lifetime;
        return true;
    }

    /// <summary>True if a flood has named the session lately.</summary>
    public bool Contains(SessionId session, Instant now) => now < _entries[Place(session)].Until;

    private int Place(SessionId session)
    {
        UInt128 id = session.Value;
        return (int)(mix.Of((ulong)(id >> 64), (ulong)id) >> 32) & (_entries.Length - 1);
    }
}
