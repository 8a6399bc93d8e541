using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Running;

/// <summary>Reads key files straight into locked memory; the buffers on the way are zeroed.</summary>
internal static class NodeSecrets
{
    public static SecretHandle ReadKey(SodiumCryptography crypto, string file)
    {
        Span<byte> key = stackalloc byte[KeyFile.KeySize];
        try
        {
            return KeyFile.TryRead(file, key) is { } problem ? throw Refusal.Configuration(problem) : crypto.Import(key);
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
        }
    }

    public static NoiseKeyPair ReadIdentity(SodiumCryptography crypto, string file) => NoiseKeyPair.From(crypto, ReadKey(crypto, file));

    /// <summary>The cluster keys: the first seals, all open. Where the configuration names no file, one is made beside the store.</summary>
    public static ClusterKeys ReadClusterKeys(SodiumCryptography crypto, string file, bool isGiven)
    {
        Span<byte> keys = stackalloc byte[KeyFile.KeySize * ClusterKeys.MaxKeys];
        try
        {
            if (!isGiven && !File.Exists(file))
            {
                Span<byte> fresh = keys[..KeyFile.KeySize];
                System.Security.Cryptography.RandomNumberGenerator.Fill(fresh);
                if (KeyFile.TryCreate(file, fresh) is { } failed) throw Refusal.Work(failed);
            }
            if (KeyFile.TryReadAll(file, keys, ClusterKeys.MaxKeys, out int count) is { } problem) throw Refusal.Configuration(problem);
            var handles = new List<SecretHandle>();
            for (int i = 0; i < count; i++) handles.Add(crypto.Import(keys.Slice(i * KeyFile.KeySize, KeyFile.KeySize)));
            ClusterKeys derived = ClusterKeys.Derive(crypto, handles);
            foreach (SecretHandle handle in handles) crypto.Release(handle);
            return derived;
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(keys);
        }
    }
}
