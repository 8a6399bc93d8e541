namespace JumpingVpn.Domain.Protocol;

/// <summary>The AEAD of data packets. The numbers are on the wire (bit n-1 of an offer is suite n).</summary>
public enum CipherSuite : byte
{
    /// <summary>AES-256-GCM (NIST SP 800-38D): where both ends have AES instructions.</summary>
    Aes256Gcm = 1,

    /// <summary>ChaCha20-Poly1305 (RFC 8439): everywhere else.</summary>
    ChaCha20Poly1305 = 2,
}
