namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// An AEAD with one key for data packets: 32-byte key, 12-byte nonce, 16-byte tag, no associated data (the header stands in the
/// nonce). No operation allocates, locks or throws. An instance belongs to one thread. Implemented by structs, so that code
/// that is generic over it is compiled for each without virtual calls.
/// </summary>
public unsafe interface IPacketCipher
{
    /// <summary>
    /// Writes <paramref name="length"/> bytes of ciphertext and then the tag. <paramref name="destination"/> is <paramref name="source"/> itself or does not
    /// overlap it.
    /// </summary>
    void Seal(byte* nonce, byte* source, int length, byte* destination);

    /// <summary>
    /// Opens <paramref name="length"/> bytes, tag included, into <paramref name="length"/> - 16. False if the tag is wrong, compared in
    /// constant time; the destination is zeroed then. <paramref name="destination"/> as in <see cref="Seal"/>.
    /// </summary>
    bool TryOpen(byte* nonce, byte* source, int length, byte* destination);
}

/// <summary>What a key object is for. OpenSSL's contexts are set up for one of the two.</summary>
public enum PacketDirection
{
    Seal,
    Open,
}

/// <summary>Sizes of both cipher suites, in bytes.</summary>
public static class PacketCipherSizes
{
    public const int Key = 32;
    public const int Nonce = 12;
    public const int Tag = 16;
}
