using System.Buffers.Binary;
using System.Security.Cryptography;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Simulation.Tests.Crypto;

/// <summary>
/// Cryptography for simulated worlds: deterministic, cheap, in managed memory, and worthless against anyone. It keeps every promise of the
/// port that a core can observe (a forged tag is refused, agreement commutes, a stale handle throws) by SHA-256 and by
/// exponentiation modulo 2^61 - 1 in place of the curve. One instance belongs to one simulated world and one thread.
/// </summary>
public sealed class SimulatedCryptography : ICryptography
{
    private const int MaxStackInput = 2048;

    private readonly List<Slot> slots = [];
    private readonly Stack<int> free = [];

    // First byte of every hash, so that no operation's output is another's.
    private enum Use : byte
    {
        Derive = 1,
        Expand,
        Agree,
        Mac,
        Stream,
        Tag,
        LongStream,
        LongTag,
    }

    /// <summary>Secrets that are live now.</summary>
    public int Live { get; private set; }

    public Hash256 Sha256(ReadOnlySpan<byte> data)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(data, hash);
        return Hash256.Read(hash);
    }

    public Hash256 Sha256(ReadOnlySpan<byte> data, SecretHandle secret) => Sha256([.. data, .. Bytes(secret)]);

    public SecretHandle Import(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != ICryptography.SecretSize) throw new ArgumentException("a secret has 32 bytes", nameof(bytes));
        if (!free.TryPop(out int index))
        {
            index = slots.Count;
            slots.Add(new([], 0));
        }
        Live++;
        slots[index] = new(bytes.ToArray(), slots[index].Generation + 1);
        return new(index, slots[index].Generation);
    }

    /// <summary>A copy of a secret, for a simulated disk.</summary>
    public byte[] Reveal(SecretHandle secret) => Bytes(secret).ToArray();

    public void Release(SecretHandle secret)
    {
        if (secret.IsNone) return;
        _ = Bytes(secret);
        slots[secret.Slot] = new([], secret.Generation + 1);
        free.Push(secret.Slot);
        Live--;
    }

    public void Hkdf(SecretHandle salt, SecretHandle keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs) =>
        Hkdf(salt, Bytes(keyMaterial), info, outputs);

    public void Hkdf(SecretHandle salt, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> info, Span<SecretHandle> outputs)
    {
        if (outputs.Length is < 1 or > 3) throw new ArgumentException("one to three outputs", nameof(outputs));
        Span<byte> hash = stackalloc byte[32];
        for (int i = 0; i < outputs.Length; i++)
        {
            Hash(Use.Derive, salt.IsNone ? default : Bytes(salt), (ulong)i, keyMaterial, info, hash);
            outputs[i] = Import(hash);
        }
    }

    public SecretHandle Expand(SecretHandle key, ReadOnlySpan<byte> info)
    {
        Span<byte> hash = stackalloc byte[32];
        Hash(Use.Expand, Bytes(key), 0, info, default, hash);
        return Import(hash);
    }

    public void ExpandPublic(SecretHandle key, ReadOnlySpan<byte> info, Span<byte> output)
    {
        if (output.Length > 255 * 32) throw new ArgumentException("at most 255 blocks", nameof(output));
        ReadOnlySpan<byte> bytes = Bytes(key);
        Span<byte> hash = stackalloc byte[32];
        for (int written = 0; written < output.Length; written += 32)
        {
            Hash(Use.Expand, bytes, (ulong)written, info, default, hash);
            hash[..Math.Min(32, output.Length - written)].CopyTo(output[written..]);
        }
    }

    public PublicKey PublicKeyOf(SecretHandle privateKey) => ToyGroup.Encode(ToyGroup.Power(ToyGroup.Generator, ToyGroup.Exponent(Bytes(privateKey))));

    public bool TryAgree(SecretHandle privateKey, PublicKey publicKey, out SecretHandle shared)
    {
        ulong result = ToyGroup.Power(ToyGroup.Decode(publicKey), ToyGroup.Exponent(Bytes(privateKey)));
        shared = SecretHandle.None;
        if (result <= 1) return false;
        Span<byte> hash = stackalloc byte[32];
        Hash(Use.Agree, default, result, default, default, hash);
        shared = Import(hash);
        return true;
    }

    public void Mac(SecretHandle key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        if (mac.Length is not (16 or 32)) throw new ArgumentException("a MAC has 16 or 32 bytes", nameof(mac));
        Span<byte> hash = stackalloc byte[32];
        Hash(Use.Mac, Bytes(key), (ulong)mac.Length, data, default, hash);
        hash[..mac.Length].CopyTo(mac);
    }

    public bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac)
    {
        if (mac.Length is not (16 or 32)) return false;
        Span<byte> expected = stackalloc byte[mac.Length];
        Mac(key, data, expected);
        return expected.SequenceEqual(mac);
    }

    public void Seal(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext) =>
        Seal(Use.Stream, Bytes(key), counter, associatedData, plaintext, ciphertext);

    public bool TryOpen(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) =>
        TryOpen(Use.Stream, Bytes(key), counter, associatedData, ciphertext, plaintext);

    public void SealLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, SecretHandle secret, Span<byte> ciphertext)
    {
        ReadOnlySpan<byte> bytes = Bytes(key);
        RequireLongNonce(nonce);
        ReadOnlySpan<byte> whole = secret.IsNone ? plaintext : [.. plaintext, .. Bytes(secret)];
        Seal(Use.LongStream, bytes, 0, [.. nonce, .. associatedData], whole, ciphertext);
    }

    public bool TryOpenLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        RequireLongNonce(nonce);
        return TryOpen(Use.LongStream, Bytes(key), 0, [.. nonce, .. associatedData], ciphertext, plaintext);
    }

    public bool TryOpenLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out SecretHandle secret)
    {
        secret = SecretHandle.None;
        ReadOnlySpan<byte> bytes = Bytes(key);
        RequireLongNonce(nonce);
        int length = ciphertext.Length - ICryptography.TagSize;
        if (length < ICryptography.SecretSize) return false;
        byte[] whole = new byte[length];
        if (!TryOpen(Use.LongStream, bytes, 0, [.. nonce, .. associatedData], ciphertext, whole)) return false;
        whole.AsSpan(0, length - ICryptography.SecretSize).CopyTo(plaintext);
        secret = Import(whole.AsSpan(length - ICryptography.SecretSize));
        return true;
    }

    private static void Seal(Use use, ReadOnlySpan<byte> key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        if (ciphertext.Length != plaintext.Length + ICryptography.TagSize) throw new ArgumentException("16 bytes longer than the plaintext", nameof(ciphertext));
        Span<byte> body = ciphertext[..plaintext.Length];
        Stream(use, key, counter, associatedData, plaintext, body);
        Span<byte> tag = stackalloc byte[32];
        Hash(use + 1, key, counter, associatedData, body, tag);
        tag[..ICryptography.TagSize].CopyTo(ciphertext[plaintext.Length..]);
    }

    private static bool TryOpen(Use use, ReadOnlySpan<byte> key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        int length = ciphertext.Length - ICryptography.TagSize;
        if (length < 0) return false;
        if (plaintext.Length != length) throw new ArgumentException("16 bytes shorter than the ciphertext", nameof(plaintext));
        Span<byte> tag = stackalloc byte[32];
        Hash(use + 1, key, counter, associatedData, ciphertext[..length], tag);
        if (!tag[..ICryptography.TagSize].SequenceEqual(ciphertext[length..]))
        {
            plaintext.Clear();
            return false;
        }
        Stream(use, key, counter, associatedData, ciphertext[..length], plaintext);
        return true;
    }

    // The stream depends on key and nonce alone, as a real one does; a long nonce comes as the beginning of the associated data.
    private static void Stream(Use use, ReadOnlySpan<byte> key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> input, Span<byte> output)
    {
        Span<byte> seed = stackalloc byte[32];
        Hash(use, key, counter, use == Use.LongStream ? associatedData[..ICryptography.LongNonceSize] : default, default, seed);
        ulong state = BinaryPrimitives.ReadUInt64LittleEndian(seed);
        for (int i = 0; i < input.Length; i++)
        {
            if (i % 8 == 0) state = unchecked(state * 6364136223846793005 + 1442695040888963407);
            output[i] = (byte)(input[i] ^ (state >> (56 - i % 8 * 7)));
        }
    }

    // Every part but the last says its length, so that no two lists of parts give the same input.
    private static void Hash(Use use, ReadOnlySpan<byte> key, ulong number, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        int length = 1 + 1 + key.Length + 8 + 4 + first.Length + second.Length;
        Span<byte> input = length <= MaxStackInput ? stackalloc byte[length] : new byte[length];
        input[0] = (byte)use;
        input[1] = (byte)key.Length;
        key.CopyTo(input[2..]);
        Span<byte> rest = input[(2 + key.Length)..];
        BinaryPrimitives.WriteUInt64LittleEndian(rest, number);
        BinaryPrimitives.WriteInt32LittleEndian(rest[8..], first.Length);
        first.CopyTo(rest[12..]);
        second.CopyTo(rest[(12 + first.Length)..]);
        SHA256.HashData(input, hash);
    }

    private static void RequireLongNonce(ReadOnlySpan<byte> nonce)
    {
        if (nonce.Length != ICryptography.LongNonceSize) throw new ArgumentException("a long nonce has 24 bytes", nameof(nonce));
    }

    private ReadOnlySpan<byte> Bytes(SecretHandle handle)
    {
        if ((uint)handle.Slot >= (uint)slots.Count || (handle.Generation & 1) == 0 || slots[handle.Slot].Generation != handle.Generation)
            throw new InvalidOperationException($"{handle} is not live: it was released, or never given out");
        return slots[handle.Slot].Bytes;
    }

    private readonly record struct Slot(byte[] Bytes, uint Generation);
}
