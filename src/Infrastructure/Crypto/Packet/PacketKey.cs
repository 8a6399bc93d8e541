using System.Security.Cryptography;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// One expanded traffic key of one direction, for one thread, by the backend that <see cref="PacketCipherSelector"/> chose. Sealed and without
/// virtual calls: a predictable branch names the backend. The expanded key lies in native memory, is zeroed and freed by
/// <see cref="Dispose"/>, which must not run while a packet is handled.
/// </summary>
public sealed unsafe class PacketKey : IPacketCipher, IDisposable
{
    private static int live;

    private readonly PacketDirection direction;
    private readonly AesGcm? bcl;
    private readonly nint state;
    private PacketBackend backend;

    internal PacketKey(PacketBackend backend, ReadOnlySpan<byte> key, PacketDirection direction)
    {
        Sizes.Require(key, PacketCipherSizes.Key);
        this.direction = direction;
        switch (backend)
        {
            case PacketBackend.IpsecMbAes: state = (nint)IpsecMbAes256Gcm.Create(key); break;
            case PacketBackend.OpenSslAes: state = OpenSslAead.Create(LibCrypto.Aes256Gcm, key, direction); break;
            case PacketBackend.OpenSslChaCha: state = OpenSslAead.Create(LibCrypto.ChaCha20Poly1305, key, direction); break;
            case PacketBackend.BclAes: bcl = BclAes256Gcm.Create(key); break;
            case PacketBackend.SodiumChaCha: state = (nint)SodiumChaCha20Poly1305.Create(key); break;
            default: throw new ArgumentOutOfRangeException(nameof(backend));
        }
        this.backend = backend;
        Interlocked.Increment(ref live);
    }

    /// <summary>Keys of the process that have not been disposed; for leak tests.</summary>
    public static int Live => Volatile.Read(ref live);

    /// <summary>The algorithm.</summary>
    public CipherSuite Suite => backend is PacketBackend.OpenSslChaCha or PacketBackend.SodiumChaCha ? CipherSuite.ChaCha20Poly1305 : CipherSuite.Aes256Gcm;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A key that was made for opening, or is disposed.</exception>
    public void Seal(byte* nonce, byte* source, int length, byte* destination)
    {
        if (direction != PacketDirection.Seal) throw WrongUse();
        switch (backend)
        {
            case PacketBackend.IpsecMbAes: new IpsecMbAes256Gcm((byte*)state).Seal(nonce, source, length, destination); break;
            case PacketBackend.OpenSslAes or PacketBackend.OpenSslChaCha: new OpenSslAead(state).Seal(nonce, source, length, destination); break;
            case PacketBackend.BclAes: new BclAes256Gcm(bcl!).Seal(nonce, source, length, destination); break;
            case PacketBackend.SodiumChaCha: new SodiumChaCha20Poly1305((byte*)state).Seal(nonce, source, length, destination); break;
            default: throw WrongUse();
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A key that was made for sealing, or is disposed.</exception>
    public bool TryOpen(byte* nonce, byte* source, int length, byte* destination)
    {
        if (direction != PacketDirection.Open) throw WrongUse();
        return backend switch
        {
            PacketBackend.IpsecMbAes => new IpsecMbAes256Gcm((byte*)state).TryOpen(nonce, source, length, destination),
            PacketBackend.OpenSslAes or PacketBackend.OpenSslChaCha => new OpenSslAead(state).TryOpen(nonce, source, length, destination),
            PacketBackend.BclAes => new BclAes256Gcm(bcl!).TryOpen(nonce, source, length, destination),
            PacketBackend.SodiumChaCha => new SodiumChaCha20Poly1305((byte*)state).TryOpen(nonce, source, length, destination),
            _ => throw WrongUse(),
        };
    }

    /// <summary>The same over spans; <paramref name="destination"/> is 16 bytes longer than <paramref name="source"/>.</summary>
    public void Seal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Sizes.Require(nonce, PacketCipherSizes.Nonce);
        Sizes.Require(destination, source.Length + PacketCipherSizes.Tag);
        fixed (byte* n = nonce, s = source, d = destination) Seal(n, s, source.Length, d);
    }

    /// <summary>The same over spans; <paramref name="destination"/> is 16 bytes shorter than <paramref name="source"/>, which may be too short for a tag: false.</summary>
    public bool TryOpen(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Sizes.Require(nonce, PacketCipherSizes.Nonce);
        if (source.Length < PacketCipherSizes.Tag) return false;
        Sizes.Require(destination, source.Length - PacketCipherSizes.Tag);
        // An empty span has no address, and a backend may be given an address for nothing.
        byte* nothing = stackalloc byte[1];
        fixed (byte* n = nonce, s = source, d = destination) return TryOpen(n, s, source.Length, d == null ? nothing : d);
    }

    /// <summary>Zeroes and frees the expanded key. Idempotent; from one thread.</summary>
    public void Dispose()
    {
        PacketBackend old = backend;
        backend = PacketBackend.None;
        switch (old)
        {
            case PacketBackend.None: return;
            case PacketBackend.IpsecMbAes: IpsecMbAes256Gcm.Destroy((byte*)state); break;
            case PacketBackend.OpenSslAes or PacketBackend.OpenSslChaCha: OpenSslAead.Destroy(state); break;
            case PacketBackend.BclAes: bcl!.Dispose(); break;
            case PacketBackend.SodiumChaCha: SodiumChaCha20Poly1305.Destroy((byte*)state); break;
            default: throw new InvalidOperationException($"no such backend: {old}");
        }
        Interlocked.Decrement(ref live);
    }

    private InvalidOperationException WrongUse() =>
        new(backend == PacketBackend.None ? "a packet key was used after it was disposed" : $"a packet key made to {direction} was used for the other direction");
}
