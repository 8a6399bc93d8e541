using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>
/// The side that speaks first, after its first message (Noise 7.5: -> e, es, s, ss; &lt;- e, ee, se [, psk]). Immutable: a second
/// message that is refused leaves it as it was, ready for the next one. It owns its ephemeral and its chaining key until
/// <see cref="Release"/>; the static key is borrowed and must stay alive as long.
/// </summary>
public sealed record NoiseInitiator
{
    private NoiseInitiator()
    {
    }

    /// <summary>Whom the first message is for.</summary>
    public required PublicKey RemoteStatic { get; init; }

    private NoiseProtocol Protocol { get; init; }

    private NoiseKeyPair Local { get; init; }

    private SecretHandle Ephemeral { get; init; }

    private SecretHandle ChainingKey { get; init; }

    private Hash256 Hash { get; init; }

    /// <summary>
    /// Writes the first message, <see cref="NoiseSizes.Message1Overhead"/> bytes longer than its payload. The ephemeral private key is
    /// consumed in any case: it belongs to the state, or is released when this fails. Fails only if <paramref name="remote"/> is of low order.
    /// </summary>
    public static Either<NoiseError, NoiseInitiator> Start(
        ICryptography crypto, NoiseProtocol protocol, ReadOnlySpan<byte> prologue, NoiseKeyPair local, PublicKey remote,
        SecretHandle ephemeral, ReadOnlySpan<byte> payload, Span<byte> message)
    {
        bool keepEphemeral = false;
        try
        {
            NoiseMessages.RequireSize(message, payload.Length + NoiseSizes.Message1Overhead);
            using SymmetricState state = SymmetricState.Initialize(crypto, protocol, prologue, remote);
            PublicKey ephemeralPublic = crypto.PublicKeyOf(ephemeral);
            ephemeralPublic.Write(message);
            state.MixEphemeral(protocol, ephemeralPublic);
            if (!state.TryMixAgreement(ephemeral, remote)) return NoiseError.LowOrderPoint;
            Span<byte> localPublic = stackalloc byte[PublicKey.Size];
            local.Public.Write(localPublic);
            state.EncryptAndHash(localPublic, message[NoiseMessages.SealedStatic]);
            if (!state.TryMixAgreement(local.Private, remote)) return NoiseError.LowOrderPoint;
            state.EncryptAndHash(payload, message[NoiseMessages.Payload1]);
            keepEphemeral = true;
            return new NoiseInitiator
            {
                RemoteStatic = remote,
                Protocol = protocol,
                Local = local,
                Ephemeral = ephemeral,
                ChainingKey = state.TakeChainingKey(),
                Hash = state.Hash,
            };
        }
        finally
        {
            if (!keepEphemeral) crypto.Release(ephemeral);
        }
    }

    /// <summary>
    /// Reads the second message; <paramref name="payload"/> is <see cref="NoiseSizes.Message2Overhead"/> bytes shorter. The pre-shared key is
    /// borrowed; None is all zeros. After success the caller releases this state.
    /// </summary>
    public Either<NoiseError, NoiseResult> Read(ICryptography crypto, SecretHandle presharedKey, ReadOnlySpan<byte> message, Span<byte> payload)
    {
        if (message.Length is < NoiseSizes.Message2Overhead or > NoiseSizes.MaxMessage) return NoiseError.Length;
        NoiseMessages.RequireSize(payload, message.Length - NoiseSizes.Message2Overhead);
        using SymmetricState state = SymmetricState.Resume(crypto, ChainingKey, Hash);
        PublicKey remoteEphemeral = PublicKey.Read(message);
        state.MixEphemeral(Protocol, remoteEphemeral);
        if (!state.TryMixAgreement(Ephemeral, remoteEphemeral)) return NoiseError.LowOrderPoint;
        if (!state.TryMixAgreement(Local.Private, remoteEphemeral)) return NoiseError.LowOrderPoint;
        if (Protocol == NoiseProtocol.IKpsk2) state.MixPresharedKey(presharedKey);
        if (!state.TryDecryptAndHash(message[NoiseMessages.Payload2], payload)) return NoiseError.NotAuthentic;
        return new NoiseResult(state.TakeChainingKey(), state.Hash, RemoteStatic);
    }

    /// <summary>Erases the ephemeral key and the chaining key.</summary>
    public void Release(ICryptography crypto)
    {
        crypto.Release(Ephemeral);
        crypto.Release(ChainingKey);
    }
}
