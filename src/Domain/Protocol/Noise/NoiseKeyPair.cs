using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>A static key pair. The handshake borrows the private handle and never releases it.</summary>
public readonly record struct NoiseKeyPair(SecretHandle Private, PublicKey Public)
{
    public static NoiseKeyPair From(ICryptography crypto, SecretHandle privateKey) => new(privateKey, crypto.PublicKeyOf(privateKey));
}
