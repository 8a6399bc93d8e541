using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>
/// The side that answers, after it has read a first message. A first message may be a replay: nothing may act on it before the
/// initiator has shown the keys of the finished handshake. Owns its chaining key until <see cref="Release"/>.
/// </summary>
public sealed record NoiseResponder
{
    private NoiseResponder()
    {
    }

    /// <summary>Who claims to have sent the first message; proven (against replay too) only by the first message under the new keys.</summary>
    public required PublicKey RemoteStatic { get; init; }

    private NoiseProtocol Protocol { get; init; }

    private PublicKey RemoteEphemeral { get; init; }

    private SecretHandle ChainingKey { get; init; }

    private Hash256 Hash { get; init; }

    /// <summary>Reads a first message; <paramref name="payload"/> is <see cref="NoiseSizes.Message1Overhead"/> bytes shorter. The static key is borrowed.</summary>
    public static Either<NoiseError, NoiseResponder> Read(
        ICryptography crypto, NoiseProtocol protocol, ReadOnlySpan<byte> prologue, NoiseKeyPair local, ReadOnlySpan<byte> message, Span<byte> payload)
    {
        if (message.Length is < NoiseSizes.Message1Overhead or > NoiseSizes.MaxMessage) return NoiseError.Length;
        NoiseMessages.RequireSize(payload, message.Length - NoiseSizes.Message1Overhead);
        using SymmetricState state = SymmetricState.Initialize(crypto, protocol, prologue, local.Public);
        PublicKey remoteEphemeral = PublicKey.Read(message);
        state.MixEphemeral(protocol, remoteEphemeral);
        if (!state.TryMixAgreement(local.Private, remoteEphemeral)) return NoiseError.LowOrderPoint;
        Span<byte> remote = stackalloc byte[PublicKey.Size];
        if (!state.TryDecryptAndHash(message[NoiseMessages.SealedStatic], remote)) return NoiseError.NotAuthentic;
        PublicKey remoteStatic = PublicKey.Read(remote);
        if (!state.TryMixAgreement(local.Private, remoteStatic)) return NoiseError.LowOrderPoint;
        if (!state.TryDecryptAndHash(message[NoiseMessages.Payload1], payload)) return NoiseError.NotAuthentic;
        return new NoiseResponder
        {
            RemoteStatic = remoteStatic,
            Protocol = protocol,
            RemoteEphemeral = remoteEphemeral,
            ChainingKey = state.TakeChainingKey(),
            Hash = state.Hash,
        };
    }

    /// <summary>
    /// Writes the second message, <see cref="NoiseSizes.Message2Overhead"/> bytes longer than its payload. The ephemeral private key is
    /// consumed and released in any case; the pre-shared key is borrowed, None is all zeros. The caller releases this state.
    /// </summary>
    public Either<NoiseError, NoiseResult> Write(
        ICryptography crypto, SecretHandle ephemeral, SecretHandle presharedKey, ReadOnlySpan<byte> payload, Span<byte> message)
    {
        try
        {
            NoiseMessages.RequireSize(message, payload.Length + NoiseSizes.Message2Overhead);
            using SymmetricState state = SymmetricState.Resume(crypto, ChainingKey, Hash);
            PublicKey ephemeralPublic = crypto.PublicKeyOf(ephemeral);
            ephemeralPublic.Write(message);
            state.MixEphemeral(Protocol, ephemeralPublic);
            if (!state.TryMixAgreement(ephemeral, RemoteEphemeral)) return NoiseError.LowOrderPoint;
            if (!state.TryMixAgreement(ephemeral, RemoteStatic)) return NoiseError.LowOrderPoint;
            if (Protocol == NoiseProtocol.IKpsk2) state.MixPresharedKey(presharedKey);
            state.EncryptAndHash(payload, message[NoiseMessages.Payload2]);
            return new NoiseResult(state.TakeChainingKey(), state.Hash, RemoteStatic);
        }
        finally
        {
            crypto.Release(ephemeral);
        }
    }

    /// <summary>Erases the chaining key.</summary>
    public void Release(ICryptography crypto) => crypto.Release(ChainingKey);
}
