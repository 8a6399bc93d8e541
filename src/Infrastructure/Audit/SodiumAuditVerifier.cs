using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>Ed25519 by libsodium.</summary>
public sealed class SodiumAuditVerifier : IAuditVerifier
{
    public static readonly SodiumAuditVerifier Instance = new();

    public bool Verify(AuditKey key, ReadOnlySpan<byte> message, AuditSignature signature)
    {
        Span<byte> publicKey = stackalloc byte[AuditKey.Size], bytes = stackalloc byte[AuditSignature.Size];
        key.Write(publicKey);
        signature.Write(bytes);
        return Ed25519.Verify(publicKey, message, bytes);
    }
}
