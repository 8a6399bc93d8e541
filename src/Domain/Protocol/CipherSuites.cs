namespace JumpingVpn.Domain.Protocol;

/// <summary>Negotiation of the data packets' AEAD: an offer is a set of suites, bit n-1 for suite n.</summary>
public static class CipherSuites
{
    public static bool IsKnown(CipherSuite suite) => suite is CipherSuite.Aes256Gcm or CipherSuite.ChaCha20Poly1305;

    public static byte Bit(CipherSuite suite) => (byte)(1 << ((int)suite - 1));

    public static byte Offer(IEnumerable<CipherSuite> suites) => suites.Aggregate((byte)0, (offer, suite) => (byte)(offer | Bit(suite)));

    /// <summary>
    /// AES-256-GCM where both ends accelerate it, ChaCha20-Poly1305 otherwise: every node can run both, an offer only says
    /// what is fast.
    /// </summary>
    public static CipherSuite Choose(byte mine, byte theirs) =>
        (mine & theirs & Bit(CipherSuite.Aes256Gcm)) != 0 ? CipherSuite.Aes256Gcm : CipherSuite.ChaCha20Poly1305;
}
