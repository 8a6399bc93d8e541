using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>The functions of libsodium that this project uses; names and signatures as in its headers. All types are blittable.</summary>
internal static unsafe partial class LibSodium
{
    public const int Sha256StateSize = 104;
    public const int HmacSha256StateSize = 208;

    private const string Library = NativeLibraries.Sodium;

    static LibSodium()
    {
        NativeLibraries.Register();
        if (!NativeLibraries.TryLoad(Library, out _)) Unusable = "libsodium is not installed (Debian and Ubuntu: apt-get install libsodium23)";
        else if (sodium_init() < 0) Unusable = "libsodium does not start: sodium_init failed";
    }

    /// <summary>Why nothing here works; null if it does. Without the library every call throws <see cref="DllNotFoundException"/>.</summary>
    public static string? Unusable { get; }

    [LibraryImport(Library)]
    private static partial int sodium_init();

    [LibraryImport(Library)]
    public static partial void randombytes_buf(void* buf, nuint size);

    [LibraryImport(Library)]
    public static partial int crypto_scalarmult_curve25519(byte* q, byte* n, byte* p);

    [LibraryImport(Library)]
    public static partial int crypto_scalarmult_curve25519_base(byte* q, byte* n);

    [LibraryImport(Library)]
    public static partial int crypto_sign_ed25519_seed_keypair(byte* pk, byte* sk, byte* seed);

    [LibraryImport(Library)]
    public static partial int crypto_sign_ed25519_detached(byte* sig, ulong* siglen, byte* m, ulong mlen, byte* sk);

    [LibraryImport(Library)]
    public static partial int crypto_sign_ed25519_verify_detached(byte* sig, byte* m, ulong mlen, byte* pk);

    [LibraryImport(Library)]
    public static partial int crypto_generichash_blake2b(byte* @out, nuint outlen, byte* @in, ulong inlen, byte* key, nuint keylen);

    [LibraryImport(Library)]
    public static partial int crypto_hash_sha256_init(byte* state);

    [LibraryImport(Library)]
    public static partial int crypto_hash_sha256_update(byte* state, byte* @in, ulong inlen);

    [LibraryImport(Library)]
    public static partial int crypto_hash_sha256_final(byte* state, byte* @out);

    [LibraryImport(Library)]
    public static partial int crypto_auth_hmacsha256_init(byte* state, byte* key, nuint keylen);

    [LibraryImport(Library)]
    public static partial int crypto_auth_hmacsha256_update(byte* state, byte* @in, ulong inlen);

    [LibraryImport(Library)]
    public static partial int crypto_auth_hmacsha256_final(byte* state, byte* @out);

    [LibraryImport(Library)]
    public static partial int crypto_aead_chacha20poly1305_ietf_encrypt(
        byte* c, ulong* clen, byte* m, ulong mlen, byte* ad, ulong adlen, byte* nsec, byte* npub, byte* k);

    [LibraryImport(Library)]
    public static partial int crypto_aead_chacha20poly1305_ietf_decrypt(
        byte* m, ulong* mlen, byte* nsec, byte* c, ulong clen, byte* ad, ulong adlen, byte* npub, byte* k);

    [LibraryImport(Library)]
    public static partial int crypto_aead_xchacha20poly1305_ietf_encrypt(
        byte* c, ulong* clen, byte* m, ulong mlen, byte* ad, ulong adlen, byte* nsec, byte* npub, byte* k);

    [LibraryImport(Library)]
    public static partial int crypto_aead_xchacha20poly1305_ietf_decrypt(
        byte* m, ulong* mlen, byte* nsec, byte* c, ulong clen, byte* ad, ulong adlen, byte* npub, byte* k);
}
