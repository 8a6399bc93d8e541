using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>
/// A node's audit key. The private half lies in locked memory that is not dumped, and is zeroed with this object. Safe from any thread.
/// </summary>
public sealed class AuditSigner : IAuditSigner, IDisposable
{
    private readonly SecretArena _arena = new(1);
    private readonly SecretHandle _private;

    /// <summary>Takes a copy of the 32-byte private key; the caller zeroes its own.</summary>
    public AuditSigner(ReadOnlySpan<byte> privateKey)
    {
        _private = _arena.Store(privateKey);
        Span<byte> key = stackalloc byte[AuditKey.Size];
        Ed25519.PublicKey(privateKey, key);
        Key = AuditKey.Read(key);
    }

    public AuditKey Key { get; }

    public AuditSignature Sign(ReadOnlySpan<byte> message)
    {
        Span<byte> signature = stackalloc byte[AuditSignature.Size];
        Ed25519.Sign(_arena.Read(_private), message, signature);
        return AuditSignature.Read(signature);
    }

    public void Dispose() => _arena.Dispose();
}
