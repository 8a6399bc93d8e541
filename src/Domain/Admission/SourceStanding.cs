using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Admission;

/// <summary>How many control datagrams may be checked, by what their source has shown lately.</summary>
/// <param name="Proven">From sources of which something was proven.</param>
/// <param name="Unknown">From sources of which nothing is known.</param>
/// <param name="Failing">From sources from which nothing good came.</param>
public sealed record SourceBudgets(TokenRate Proven, TokenRate Unknown, TokenRate Failing)
{
    /// <summary>
    /// A gateway's: with 1.5 us for the dearest check, a proof, a flood takes 1 to 6 % of a core, and 15 % if it bears the sources of clients.
    /// A session's reports take 40 tokens a second, and the core takes fewer than 100,000.
    /// </summary>
    public static readonly SourceBudgets Default = new(
        TokenRate.PerSecond(100_000, burst: 4000), TokenRate.PerSecond(40_000, burst: 4000), TokenRate.PerSecond(5000, burst: 500));
}

/// <summary>What is known of a source.</summary>
public enum SourceRecord
{
    /// <summary>Nothing, or not much.</summary>
    Unknown,

    /// <summary>Something new was proven to come from a client of this gateway, and came from there.</summary>
    Proven,

    /// <summary>What came from there was refused, and nothing was proven.</summary>
    Failing,
}

/// <summary>
/// Bounds what the checks of control datagrams may cost the receiving thread, which carries the traffic too (REQ-FLOOD-8): each check of a
/// MAC takes a token of one of three budgets, chosen by its source. One from which something new was proven stands apart, so that no flood
/// from elsewhere takes its turn; failing sources share the smallest. While nobody floods, no budget runs dry and nothing is different. One
/// thread; allocates nothing; one table of fixed size.
/// </summary>
/// <remarks>
/// Who forges ever new sources fills the table with them: then those that were proven stay, and what comes from a new address has a chance
/// of its budget to the flood's rate for each datagram, which its sender repeats.
/// </remarks>
/// <param name="mix">Secret, so that nobody can look for sources that push another out of the table.</param>
/// <param name="budgets">What may be checked.</param>
/// <param name="entries">Of the table; a power of two, at least 4.</param>
public sealed class SourceStanding(KeyedMix mix, SourceBudgets budgets, int entries = SourceStanding.Entries)
{
    /// <summary>1.6 MB, of which only what was written to takes memory.</summary>
    public const int Entries = 1 << 15;

    private const int Ways = 4;

    /// <summary>How long a proof speaks for its source: twice the longest interval between two probes that a policy allows.</summary>
    public static readonly TimeSpan ProofLifetime = TimeSpan.FromMinutes(10);

    /// <summary>How long a wrong MAC is remembered.</summary>
    public static readonly TimeSpan ForgeryPenalty = TimeSpan.FromSeconds(10);

    /// <summary>How long it is remembered that something else was refused, such as a request without its cookie: a few do no harm.</summary>
    public static readonly TimeSpan RefusalPenalty = TimeSpan.FromSeconds(2);

    /// <summary>Who has more than that to be forgotten is failing.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(6);

    /// <summary>All of it together is forgotten by then.</summary>
    public static readonly TimeSpan MaxPenalty = TimeSpan.FromSeconds(20);

    /// <summary>Checks for one proven source: ten times what a client's reports and probes need, so that who forges its address takes no other's turn.</summary>
    public static readonly TokenRate PerProven = TokenRate.PerSecond(1000, burst: 200);

    private readonly Entry[] _entries = new Entry[entries];
    private TokenBucket _proven = TokenBucket.Full, _unknown = TokenBucket.Full, _failing = TokenBucket.Full;

    /// <summary>Sources that are remembered at most.</summary>
    public int Capacity => _entries.Length;

    /// <summary>Changes when a source is proven that was not before.</summary>
    public int Version { get; private set; }

    /// <summary>What is known of a source.</summary>
    public SourceRecord Of(Endpoint source, Instant now)
    {
        int found = Find(source);
        if (found >= 0 && now < _entries[found].ProvenUntil) return SourceRecord.Proven;
        if (!source.IsIPv4) found = Find(Network(source));
        return found >= 0 && IsFailing(_entries[found], now) ? SourceRecord.Failing : SourceRecord.Unknown;
    }

    /// <summary>Whether a datagram's dear checks may be made; takes a token if so.</summary>
    /// <param name="record">Of the source, now.</param>
    public bool TryTake(Endpoint source, SourceRecord record, Instant now) => record switch
    {
        SourceRecord.Proven => Take(ref _entries[Place(source, now)].Checks, PerProven, now) && Take(ref _proven, budgets.Proven, now),
        SourceRecord.Failing => Take(ref _failing, budgets.Failing, now),
        _ => Take(ref _unknown, budgets.Unknown, now),
    };

    /// <summary>Something that was not seen before was proven to come from a client of this gateway, and came from here.</summary>
    public void Proved(Endpoint source, Instant now)
    {
        ref Entry entry = ref _entries[Place(source, now)];
        if (entry.Source != source) entry = new() { Source = source };
        if (now >= entry.ProvenUntil) Version++;
        entry.ProvenUntil = now + ProofLifetime;
        entry.ForgottenAt = Instant.Zero;
    }

    /// <summary>A datagram was refused, for what it was. Where there are only proven sources in its place, it is not remembered.</summary>
    /// <param name="isForgery">A MAC was wrong.</param>
    public void Failed(Endpoint source, bool isForgery, Instant now)
    {
        if (!source.IsIPv4) source = Network(source);
        ref Entry entry = ref _entries[Place(source, now)];
        if (entry.Source != source)
        {
            if (now < entry.ProvenUntil) return;
            entry = new() { Source = source };
        }

        Instant forgotten = Instant.Max(entry.ForgottenAt, now) + (isForgery ? ForgeryPenalty : RefusalPenalty);
        entry.ForgottenAt = Instant.Min(forgotten, now + MaxPenalty);
    }

    /// <summary>All sources with a record, proven or failing; of IPv6 a failing one is its /64 with port 0.</summary>
    /// <param name="sources">Room for <see cref="Capacity"/> of them.</param>
    /// <returns>How many there are.</returns>
    public int Read(SourceRecord record, Span<Endpoint> sources, Instant now)
    {
        int count = 0;
        foreach (ref readonly Entry entry in _entries.AsSpan())
        {
            SourceRecord own = now < entry.ProvenUntil ? SourceRecord.Proven : IsFailing(entry, now) ? SourceRecord.Failing : SourceRecord.Unknown;
            if (own == record && own != SourceRecord.Unknown) sources[count++] = entry.Source;
        }
        return count;
    }

    private static bool IsFailing(in Entry entry, Instant now) => entry.ForgottenAt > now + Tolerance;

    private static bool Take(ref TokenBucket bucket, in TokenRate rate, Instant now)
    {
        bool taken = bucket.TryTake(now, rate, out TokenBucket after);
        bucket = after;
        return taken;
    }

    /// <summary>A host chooses freely in its IPv6 /64 (REQ-FLOOD-4).</summary>
    private static Endpoint Network(Endpoint source) => new(source.Address >> 64 << 64, 0);

    private int SetOf(Endpoint source)
    {
        UInt128 address = source.Address;
        return (int)(mix.Of(mix.Of((ulong)(address >> 64), (ulong)address), source.Port) >> 32) & (_entries.Length - Ways);
    }

    private int Find(Endpoint source)
    {
        int set = SetOf(source);
        for (int i = set; i < set + Ways; i++)
            if (_entries[i].Source == source) return i;
        return -1;
    }

    /// <summary>Where the source stands, or may from now on: in the place of the one that is forgotten first, of a proven one only if there are no others.</summary>
    private int Place(Endpoint source, Instant now)
    {
        int place = Find(source);
        if (place >= 0) return place;
        int set = SetOf(source);
        place = set;
        for (int i = set + 1; i < set + Ways; i++)
            if (Worth(_entries[i], now).CompareTo(Worth(_entries[place], now)) < 0) place = i;
        return place;
    }

    private static (bool, Instant) Worth(in Entry entry, Instant now) =>
        now < entry.ProvenUntil ? (true, entry.ProvenUntil) : (false, entry.ForgottenAt);

    private struct Entry
    {
        public Endpoint Source;
        public Instant ProvenUntil;
        public Instant ForgottenAt;
        public TokenBucket Checks;
    }
}
