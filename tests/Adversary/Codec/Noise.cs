using System.Text;

namespace JumpingVpn.Adversary.Codec;

/// <summary>The client's side of Noise_IKpsk2_25519_ChaChaPoly_SHA256 (Noise revision 34, sections 5 and 9), in plain bytes.</summary>
public sealed class Noise
{
    private readonly byte[] _local;
    private readonly byte[] _ephemeral = Crypto.Random(Crypto.KeySize);
    private byte[] _chainingKey;
    private byte[] _hash;
    private byte[] _key = [];

    public Noise(byte[] local, byte[] gateway)
    {
        _local = local;
        _chainingKey = _hash = Crypto.Hash(Encoding.ASCII.GetBytes("Noise_IKpsk2_25519_ChaChaPoly_SHA256"));
        MixHash(Encoding.ASCII.GetBytes("jumping-vpn 1"));
        MixHash(gateway);
        Gateway = gateway;
    }

    public byte[] Gateway { get; }

    public byte[] ChainingKey => _chainingKey;

    public byte[] HandshakeHash => _hash;

    /// <summary>The first message: ephemeral, sealed static key, sealed payload.</summary>
    public byte[] First(byte[] payload)
    {
        byte[] ephemeral = Crypto.PublicKey(_ephemeral);
        MixEphemeral(ephemeral);
        MixKey(Crypto.Agree(_ephemeral, Gateway));
        byte[] sealedStatic = EncryptAndHash(Crypto.PublicKey(_local), 0);
        MixKey(Crypto.Agree(_local, Gateway));
        return [.. ephemeral, .. sealedStatic, .. EncryptAndHash(payload, 0)];
    }

    /// <summary>The second message's payload; null if it is not authentic. The state is spent then.</summary>
    public byte[]? Second(ReadOnlySpan<byte> message, byte[]? presharedKey = null)
    {
        byte[] ephemeral = message[..Crypto.KeySize].ToArray();
        MixEphemeral(ephemeral);
        MixKey(Crypto.Agree(_ephemeral, ephemeral));
        MixKey(Crypto.Agree(_local, ephemeral));
        byte[] derived = Crypto.Hkdf(_chainingKey, presharedKey ?? new byte[Crypto.KeySize], [], 3 * Crypto.KeySize);
        _chainingKey = derived[..32];
        MixHash(derived[32..64]);
        _key = derived[64..];
        return Crypto.Open(_key, 0, _hash, message[Crypto.KeySize..]) is { } payload ? Hashed(payload, message[Crypto.KeySize..].ToArray()) : null;
    }

    private byte[] Hashed(byte[] plaintext, byte[] ciphertext)
    {
        MixHash(ciphertext);
        return plaintext;
    }

    private byte[] EncryptAndHash(byte[] plaintext, ulong counter)
    {
        byte[] ciphertext = Crypto.Seal(_key, counter, _hash, plaintext);
        MixHash(ciphertext);
        return ciphertext;
    }

    private void MixEphemeral(byte[] ephemeral)
    {
        MixHash(ephemeral);
        MixKey(ephemeral);
    }

    private void MixHash(byte[] data) => _hash = Crypto.Hash(_hash, data);

    private void MixKey(byte[] material)
    {
        byte[] derived = Crypto.Hkdf(_chainingKey, material, [], 2 * Crypto.KeySize);
        (_chainingKey, _key) = (derived[..32], derived[32..]);
    }
}
