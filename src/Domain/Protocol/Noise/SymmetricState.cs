using System.Text;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>
/// Noise's SymmetricState with its CipherState (sections 5.1 and 5.2), for the length of one message. It owns what it
/// derives and releases it when disposed; a chaining key that it was started from stays its lender's.
/// </summary>
internal sealed class SymmetricState : IDisposable
{
    private const int MaxStackData = 1024;

    private readonly ICryptography crypto;
    private SecretHandle chainingKey;
    private bool ownsChainingKey;
    private SecretHandle key;
    private ulong nonce;

    private SymmetricState(ICryptography crypto, SecretHandle chainingKey, bool ownsChainingKey, Hash256 hash)
    {
        this.crypto = crypto;
        this.chainingKey = chainingKey;
        this.ownsChainingKey = ownsChainingKey;
        Hash = hash;
    }

    /// <summary>The handshake hash so far.</summary>
    public Hash256 Hash { get; private set; }

    /// <summary>InitializeSymmetric and MixHash(prologue), then the responder's static key, which IK's pre-message names.</summary>
    public static SymmetricState Initialize(ICryptography crypto, NoiseProtocol protocol, ReadOnlySpan<byte> prologue, PublicKey responderStatic)
    {
        Span<byte> name = stackalloc byte[64];
        int length = Encoding.ASCII.GetBytes(NameOf(protocol), name);
        Span<byte> initial = stackalloc byte[Hash256.Size];
        if (length <= Hash256.Size)
        {
            initial.Clear();
            name[..length].CopyTo(initial);
        }
        else
        {
            crypto.Sha256(name[..length]).Write(initial);
        }
        SymmetricState state = new(crypto, crypto.Import(initial), true, Hash256.Read(initial));
        state.MixHash(prologue);
        state.MixHash(responderStatic);
        return state;
    }

    /// <summary>Goes on where an earlier message ended. Every message of IK mixes a key before it seals, so only these two are carried over.</summary>
    public static SymmetricState Resume(ICryptography crypto, SecretHandle borrowedChainingKey, Hash256 hash) =>
        new(crypto, borrowedChainingKey, false, hash);

    public void MixHash(ReadOnlySpan<byte> data)
    {
        int length = Hash256.Size + data.Length;
        Span<byte> joined = length <= MaxStackData ? stackalloc byte[length] : new byte[length];
        Hash.Write(joined);
        data.CopyTo(joined[Hash256.Size..]);
        Hash = crypto.Sha256(joined);
    }

    public void MixHash(PublicKey publicKey)
    {
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        publicKey.Write(bytes);
        MixHash(bytes);
    }

    /// <summary>The token "e": its hash and, where a pre-shared key takes part, also its key (section 9.2).</summary>
    public void MixEphemeral(NoiseProtocol protocol, PublicKey ephemeral)
    {
        MixHash(ephemeral);
        if (protocol != NoiseProtocol.IKpsk2) return;
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        ephemeral.Write(bytes);
        Span<SecretHandle> outputs = stackalloc SecretHandle[2];
        crypto.Hkdf(chainingKey, bytes, default, outputs);
        Replace(outputs[0], outputs[1]);
    }

    /// <summary>MixKey(DH(private, public)); false for a point of low order.</summary>
    public bool TryMixAgreement(SecretHandle privateKey, PublicKey publicKey)
    {
        if (!crypto.TryAgree(privateKey, publicKey, out SecretHandle shared)) return false;
        try
        {
            Span<SecretHandle> outputs = stackalloc SecretHandle[2];
            crypto.Hkdf(chainingKey, shared, default, outputs);
            Replace(outputs[0], outputs[1]);
            return true;
        }
        finally
        {
            crypto.Release(shared);
        }
    }

    /// <summary>MixKeyAndHash(psk); None stands for 32 zero bytes.</summary>
    public void MixPresharedKey(SecretHandle presharedKey)
    {
        Span<SecretHandle> outputs = stackalloc SecretHandle[3];
        if (presharedKey.IsNone)
        {
            Span<byte> zeros = stackalloc byte[ICryptography.SecretSize];
            zeros.Clear();
            crypto.Hkdf(chainingKey, zeros, default, outputs);
        }
        else
        {
            crypto.Hkdf(chainingKey, presharedKey, default, outputs);
        }
        Replace(outputs[0], outputs[2]);
        Span<byte> hash = stackalloc byte[Hash256.Size];
        Hash.Write(hash);
        Hash = crypto.Sha256(hash, outputs[1]);
        crypto.Release(outputs[1]);
    }

    public void EncryptAndHash(ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        Span<byte> hash = stackalloc byte[Hash256.Size];
        Hash.Write(hash);
        crypto.Seal(key, nonce++, hash, plaintext, ciphertext);
        MixHash(ciphertext);
    }

    public bool TryDecryptAndHash(ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        Span<byte> hash = stackalloc byte[Hash256.Size];
        Hash.Write(hash);
        if (!crypto.TryOpen(key, nonce, hash, ciphertext, plaintext)) return false;
        nonce++;
        MixHash(ciphertext);
        return true;
    }

    /// <summary>Hands the chaining key over to the caller.</summary>
    public SecretHandle TakeChainingKey()
    {
        if (!ownsChainingKey) throw new InvalidOperationException("the chaining key is borrowed");
        ownsChainingKey = false;
        return chainingKey;
    }

    public void Dispose()
    {
        if (ownsChainingKey) crypto.Release(chainingKey);
        ownsChainingKey = false;
        crypto.Release(key);
        key = SecretHandle.None;
    }

    private void Replace(SecretHandle newChainingKey, SecretHandle newKey)
    {
        if (ownsChainingKey) crypto.Release(chainingKey);
        crypto.Release(key);
        (chainingKey, ownsChainingKey, key, nonce) = (newChainingKey, true, newKey, 0);
    }

    private static string NameOf(NoiseProtocol protocol) => protocol switch
    {
        NoiseProtocol.IK => "Noise_IK_25519_ChaChaPoly_SHA256",
        NoiseProtocol.IKpsk2 => "Noise_IKpsk2_25519_ChaChaPoly_SHA256",
        _ => throw new ArgumentOutOfRangeException(nameof(protocol)),
    };
}
