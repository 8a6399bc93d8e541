namespace JumpingVpn.Domain.Admission;

/// <summary>
/// The anti-replay window of one key epoch (RFC 6479): a ring of words over memory that the caller owns, so that checking
/// and marking allocate nothing and take no lock. Not thread-safe: one receiver owns it. A window whose memory is all zero
/// and whose <see cref="Next"/> is 0 is new. Usable behind the highest counter:
/// <see cref="AdmissionConstants.MinWindow"/> counters (REQ-REPLAY-2).
/// </summary>
public struct ReplayWindow
{
    /// <summary>Words of memory that the window needs.</summary>
    public const int Words = AdmissionConstants.WindowWords;

    private const int Shift = 6;
    private const ulong IndexMask = Words - 1;

    /// <summary>One more than the highest counter marked; 0 if none was.</summary>
    public ulong Next { get; private set; }

    /// <summary>Counters marked so far.</summary>
    public ulong Marked { get; private set; }

    /// <summary>
    /// True if the counter is new and inside the window. Called before decryption, to spare the work; only
    /// <see cref="TryMark"/>, called after, decides.
    /// </summary>
    public readonly bool IsFresh(ReadOnlySpan<ulong> words, ulong counter)
    {
        if (counter >= AdmissionConstants.MaxCounter) return false;
        if (counter >= Next) return true;
        if (Next - 1 - counter >= AdmissionConstants.MinWindow) return false;
        return (words[Index(counter)] & Bit(counter)) == 0;
    }

    /// <summary>
    /// Marks the counter of an authentic packet; false, with nothing changed, if it is a replay, too old or beyond
    /// <see cref="AdmissionConstants.MaxCounter"/>.
    /// </summary>
    public bool TryMark(Span<ulong> words, ulong counter)
    {
        if (!IsFresh(words, counter)) return false;
        if (counter >= Next)
        {
            // Words between the old and the new highest counter hold marks of a turn of the ring ago.
            ulong from = Next == 0 ? 0 : ((Next - 1) >> Shift) + 1;
            ulong to = counter >> Shift;
            if (Next == 0 || to - from >= Words - 1 && to >= from) words[..Words].Clear();
            else
                for (ulong word = from; word <= to; word++) words[(int)(word & IndexMask)] = 0;
            Next = counter + 1;
        }

        words[Index(counter)] |= Bit(counter);
        Marked++;
        return true;
    }

    /// <summary>Forgets everything, for a new key epoch.</summary>
    public void Reset(Span<ulong> words)
    {
        words[..Words].Clear();
        Next = 0;
        Marked = 0;
    }

    private static int Index(ulong counter) => (int)((counter >> Shift) & IndexMask);

    private static ulong Bit(ulong counter) => 1UL << (int)(counter & (AdmissionConstants.WordBits - 1));
}
