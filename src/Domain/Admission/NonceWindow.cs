namespace JumpingVpn.Domain.Admission;

/// <summary>What a reattach nonce is, seen from the session's committed and pending ones.</summary>
public enum NonceVerdict
{
    /// <summary>Above the committed one and not pending: a new request.</summary>
    Fresh,

    /// <summary>Pending already: the same request again gets the same answer; any other content is a replay.</summary>
    Pending,

    /// <summary>At or below the committed one: a replay.</summary>
    Replayed,

    /// <summary>The pending ones fill their bound and are all higher: ignored.</summary>
    Superseded,
}

/// <summary>
/// Judges a reattach nonce (REQ-REPLAY-1): fresh means above the last committed one. At most <paramref name="bound"/>
/// requests are pending; a new one beyond that displaces the lowest, so a flood of old requests never displaces new ones.
/// </summary>
public static class NonceWindow
{
    /// <param name="pending">Nonces of pending requests, in any order.</param>
    /// <param name="displaced">The pending nonce that gives way, where one must; otherwise 0.</param>
    public static NonceVerdict Judge(ulong committed, ReadOnlySpan<ulong> pending, int bound, ulong nonce, out ulong displaced)
    {
        displaced = 0;
        if (nonce <= committed) return NonceVerdict.Replayed;
        ulong lowest = ulong.MaxValue;
        foreach (ulong known in pending)
        {
            if (known == nonce) return NonceVerdict.Pending;
            lowest = Math.Min(lowest, known);
        }

        if (pending.Length < bound) return NonceVerdict.Fresh;
        if (nonce < lowest) return NonceVerdict.Superseded;
        displaced = lowest;
        return NonceVerdict.Fresh;
    }
}
