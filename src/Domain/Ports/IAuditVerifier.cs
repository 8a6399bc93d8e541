using JumpingVpn.Domain.Audit.Incidents;

namespace JumpingVpn.Domain.Ports;

/// <summary>What the check of an incident needs from cryptography.</summary>
public interface IAuditVerifier
{
    /// <summary>Ed25519 (RFC 8032); false for a signature that is wrong, malformed, not canonical, or under a key of low order.</summary>
    bool Verify(AuditKey key, ReadOnlySpan<byte> message, AuditSignature signature);
}

/// <summary>A node's audit key, of which only its holder sees the private half.</summary>
public interface IAuditSigner
{
    AuditKey Key { get; }

    /// <summary>Ed25519 (RFC 8032).</summary>
    AuditSignature Sign(ReadOnlySpan<byte> message);
}
