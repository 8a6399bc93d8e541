using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>A library's implementation of one cipher suite. In each suite the better stands first.</summary>
internal enum PacketBackend
{
    None,
    IpsecMbAes,
    OpenSslAes,
    BclAes,
    OpenSslChaCha,
    SodiumChaCha,
}

internal static class PacketBackends
{
    /// <summary>From the fastest to the last resort.</summary>
    public static PacketBackend[] Ladder(CipherSuite suite) => suite switch
    {
        CipherSuite.Aes256Gcm => [PacketBackend.IpsecMbAes, PacketBackend.OpenSslAes, PacketBackend.BclAes],
        CipherSuite.ChaCha20Poly1305 => [PacketBackend.OpenSslChaCha, PacketBackend.SodiumChaCha],
        _ => throw new ArgumentOutOfRangeException(nameof(suite)),
    };

    /// <summary>The name by which an operator asks for it.</summary>
    public static string Name(this PacketBackend backend) => backend switch
    {
        PacketBackend.IpsecMbAes => "ipsec-mb",
        PacketBackend.OpenSslAes or PacketBackend.OpenSslChaCha => "openssl",
        PacketBackend.BclAes => "bcl",
        PacketBackend.SodiumChaCha => "sodium",
        _ => throw new ArgumentOutOfRangeException(nameof(backend)),
    };

    /// <summary>What the log says.</summary>
    public static string Describe(this PacketBackend backend) => backend switch
    {
        PacketBackend.IpsecMbAes => $"libipsec-mb {IpsecMbLibrary.Version} (VAES-512)",
        PacketBackend.OpenSslAes or PacketBackend.OpenSslChaCha => $"OpenSSL {LibCrypto.Version}",
        PacketBackend.BclAes => ".NET AesGcm",
        PacketBackend.SodiumChaCha => "libsodium",
        _ => throw new ArgumentOutOfRangeException(nameof(backend)),
    };

    /// <summary>Why it cannot be used on this host; null if it can.</summary>
    public static string? Unusable(this PacketBackend backend) => backend switch
    {
        PacketBackend.IpsecMbAes => IpsecMbLibrary.Unusable,
        PacketBackend.OpenSslAes => LibCrypto.Unusable ?? (LibCrypto.Aes256Gcm == 0 ? "OpenSSL is configured without AES-256-GCM" : null),
        PacketBackend.OpenSslChaCha => LibCrypto.Unusable ?? (LibCrypto.ChaCha20Poly1305 == 0 ? "OpenSSL is configured without ChaCha20-Poly1305" : null),
        PacketBackend.BclAes => BclAes256Gcm.Unusable,
        PacketBackend.SodiumChaCha => null,
        _ => throw new ArgumentOutOfRangeException(nameof(backend)),
    };
}
