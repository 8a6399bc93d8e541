namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>The operating system's generator, by libsodium: unlike the platform's it needs no OpenSSL, whose absence would abort the process.</summary>
public static unsafe class RandomBytes
{
    public static void Fill(Span<byte> buffer)
    {
        fixed (byte* b = buffer) LibSodium.randombytes_buf(b, (nuint)buffer.Length);
    }
}
