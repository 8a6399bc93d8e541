using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>
/// A finished handshake. The caller derives its secrets from the chaining key with its own labels, and then releases
/// it: with it, forward secrecy begins.
/// </summary>
public sealed record NoiseResult(SecretHandle ChainingKey, Hash256 HandshakeHash, PublicKey RemoteStatic)
{
    /// <summary>Noise's own transport keys (section 5.2, Split). They belong to the caller; the chaining key stays.</summary>
    public (SecretHandle InitiatorToResponder, SecretHandle ResponderToInitiator) Split(ICryptography crypto)
    {
        Span<SecretHandle> keys = stackalloc SecretHandle[2];
        crypto.Hkdf(ChainingKey, default(ReadOnlySpan<byte>), default, keys);
        return (keys[0], keys[1]);
    }

    /// <summary>Erases the chaining key.</summary>
    public void Release(ICryptography crypto) => crypto.Release(ChainingKey);
}
