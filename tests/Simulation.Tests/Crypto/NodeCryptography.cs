using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Simulation.Tests.Crypto;

/// <summary>One process's cryptography, with what a simulation must know of it: how many secrets are live, and a secret's bytes for its disk.</summary>
internal abstract class NodeCryptography : IDisposable
{
    public abstract ICryptography Crypto { get; }

    public abstract int Live { get; }

    public abstract byte[] Reveal(SecretHandle secret);

    public virtual void Dispose()
    {
    }

    public static NodeCryptography Simulated() => new Cheap();

    public static NodeCryptography Real() => new Sodium();

    private sealed class Cheap : NodeCryptography
    {
        private readonly SimulatedCryptography _crypto = new();

        public override ICryptography Crypto => _crypto;

        public override int Live => _crypto.Live;

        public override byte[] Reveal(SecretHandle secret) => _crypto.Reveal(secret);
    }

    private sealed class Sodium : NodeCryptography
    {
        private readonly SecretArena _arena = new(8192);
        private readonly SodiumCryptography _crypto;

        public Sodium() => _crypto = new(_arena);

        public override ICryptography Crypto => _crypto;

        public override int Live => _arena.Live;

        public override byte[] Reveal(SecretHandle secret)
        {
            byte[] bytes = new byte[ICryptography.SecretSize];
            _arena.CopyTo(secret, bytes);
            return bytes;
        }

        public override void Dispose()
        {
            base.Dispose();
            _arena.Dispose();
        }
    }
}

/// <summary>
/// Passes everything on. What a simulation watches or breaks on purpose overrides the operation; the fingerprint names a key by its bytes, so
/// that two nodes' handles of one key are one key.
/// </summary>
internal class CryptographyDecorator(ICryptography inner) : ICryptography
{
    protected ICryptography Inner => inner;

    public Hash256 Sha256(ReadOnlySpan<byte> data) => inner.Sha256(data);

    public Hash256 Sha256(ReadOnlySpan<byte> data, SecretHandle secret) => inner.Sha256(data, secret);

    public SecretHandle Import(ReadOnlySpan<byte> bytes) => inner.Import(bytes);

    public virtual void Release(SecretHandle secret) => inner.Release(secret);

    public void Hkdf(SecretHandle salt, SecretHandle keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs) =>
        inner.Hkdf(salt, keyMaterial, info, outputs);

    public void Hkdf(SecretHandle salt, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs) =>
        inner.Hkdf(salt, keyMaterial, info, outputs);

    public SecretHandle Expand(SecretHandle key, ReadOnlySpan<byte> info) => inner.Expand(key, info);

    public void ExpandPublic(SecretHandle key, ReadOnlySpan<byte> info, Span<byte> output) => inner.ExpandPublic(key, info, output);

    public PublicKey PublicKeyOf(SecretHandle privateKey) => inner.PublicKeyOf(privateKey);

    public bool TryAgree(SecretHandle privateKey, PublicKey publicKey, out SecretHandle shared) => inner.TryAgree(privateKey, publicKey, out shared);

    public virtual void Mac(SecretHandle key, ReadOnlySpan<byte> data, Span<byte> mac) => inner.Mac(key, data, mac);

    public virtual bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac) => inner.VerifyMac(key, data, mac);

    public virtual void Seal(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext) =>
        inner.Seal(key, counter, associatedData, plaintext, ciphertext);

    public virtual bool TryOpen(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) =>
        inner.TryOpen(key, counter, associatedData, ciphertext, plaintext);

    public virtual void SealLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, SecretHandle secret, Span<byte> ciphertext) =>
        inner.SealLong(key, nonce, associatedData, plaintext, secret, ciphertext);

    public bool TryOpenLong(SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) =>
        inner.TryOpenLong(key, nonce, associatedData, ciphertext, plaintext);

    public bool TryOpenLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out SecretHandle secret) =>
        inner.TryOpenLong(key, nonce, associatedData, ciphertext, plaintext, out secret);

    /// <summary>Names a key by its bytes.</summary>
    protected UInt128 Fingerprint(SecretHandle key)
    {
        Span<byte> bytes = stackalloc byte[16];
        inner.ExpandPublic(key, "fingerprint for the watch"u8, bytes);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes);
    }
}
