using JumpingVpn.Domain.Ports;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Checks;

/// <summary>What has been sealed in a world, by key and nonce. One for all nodes, because a key may live on several.</summary>
internal sealed class SealLog
{
    private readonly Dictionary<(UInt128 Key, UInt128 Nonce), ulong> _sealed = [];
    private readonly Dictionary<UInt128, ulong> _counters = [];

    public void Sealed(UInt128 key, UInt128 nonce, ulong content)
    {
        if (!_sealed.TryAdd((key, nonce), content) && _sealed[(key, nonce)] != content)
            throw new SimulationException("a nonce was used twice under one key, for different contents");
    }

    public void DataSealed(UInt128 key, ulong counter)
    {
        if (_counters.TryGetValue(key, out ulong next) && counter < next) throw new SimulationException($"counter {counter} was used twice under a traffic key");
        _counters[key] = counter + 1;
    }
}

/// <summary>Cryptography that tells the log what it seals (REQ-REPLAY: counters never repeat under a key).</summary>
internal sealed class SealWatch(ICryptography inner, SealLog log) : CryptographyDecorator(inner)
{
    public override void Seal(SecretHandle key, ulong counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        base.Seal(key, counter, associatedData, plaintext, ciphertext);
        log.Sealed(Fingerprint(key), counter, Digest(associatedData) * 31 + Digest(ciphertext));
    }

    public override void SealLong(
        SecretHandle key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, SecretHandle secret, Span<byte> ciphertext)
    {
        base.SealLong(key, nonce, associatedData, plaintext, secret, ciphertext);
        log.Sealed(Fingerprint(key), System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(nonce) + (UInt128.One << 64), Digest(associatedData) * 31 + Digest(ciphertext));
    }

    public static ulong Digest(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 14695981039346656037;
        foreach (byte b in bytes) hash = (hash ^ b) * 1099511628211;
        return hash;
    }
}
