using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>The functions of OpenSSL 3's libcrypto that packets need; names and signatures as in its headers. Optional: see <see cref="Unusable"/>.</summary>
internal static unsafe partial class LibCrypto
{
    // openssl/evp.h
    public const int EVP_CTRL_AEAD_GET_TAG = 0x10;
    public const int EVP_CTRL_AEAD_SET_TAG = 0x11;

    private const string Library = NativeLibraries.OpenSsl;
    private const int OPENSSL_VERSION_STRING = 6;

    static LibCrypto()
    {
        NativeLibraries.Register();
        if (!NativeLibraries.TryLoad(Library, out nint library))
        {
            Unusable = "libcrypto.so.3 is not installed";
            return;
        }
        foreach (string name in (string[])["EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new", "EVP_CIPHER_CTX_free", "EVP_CipherInit_ex", "EVP_CipherUpdate",
                     "EVP_CipherFinal_ex", "EVP_CIPHER_CTX_ctrl", "OpenSSL_version"])
        {
            if (NativeLibrary.TryGetExport(library, name, out _)) continue;
            Unusable = $"libcrypto.so.3 does not export {name}";
            return;
        }
        Version = Marshal.PtrToStringUTF8(OpenSSL_version(OPENSSL_VERSION_STRING)) ?? "";
        fixed (byte* aes = "AES-256-GCM\0"u8, chaCha = "ChaCha20-Poly1305\0"u8)
        {
            Aes256Gcm = EVP_CIPHER_fetch(0, aes, null);
            ChaCha20Poly1305 = EVP_CIPHER_fetch(0, chaCha, null);
        }
    }

    /// <summary>Why the library cannot be used here; null if it can.</summary>
    public static string? Unusable { get; }

    public static string Version { get; } = "";

    /// <summary>EVP_CIPHER; 0 where the library's configuration does not offer it. Lives as long as the process.</summary>
    public static nint Aes256Gcm { get; }

    /// <summary>As <see cref="Aes256Gcm"/>; a FIPS configuration lacks it.</summary>
    public static nint ChaCha20Poly1305 { get; }

    [LibraryImport(Library)]
    private static partial nint OpenSSL_version(int type);

    [LibraryImport(Library)]
    private static partial nint EVP_CIPHER_fetch(nint libctx, byte* algorithm, byte* properties);

    [LibraryImport(Library)]
    public static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Library)]
    public static partial void EVP_CIPHER_CTX_free(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_CipherInit_ex(nint ctx, nint cipher, nint engine, byte* key, byte* iv, int enc);

    [LibraryImport(Library)]
    public static partial int EVP_CipherUpdate(nint ctx, byte* @out, int* outl, byte* @in, int inl);

    [LibraryImport(Library)]
    public static partial int EVP_CipherFinal_ex(nint ctx, byte* outm, int* outl);

    [LibraryImport(Library)]
    public static partial int EVP_CIPHER_CTX_ctrl(nint ctx, int cmd, int p1, void* p2);
}
