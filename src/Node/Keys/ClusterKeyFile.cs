using System.Security.Cryptography;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Keys;

/// <summary>The cluster's keys on disk: one a line, the first seals, all open. A single node makes its own at its first start.</summary>
public static class ClusterKeyFile
{
    /// <summary>
    /// Reads the keys into secret memory in the file's order. A file that is not there is made, with one fresh key, but only
    /// beside a store that is not there either: a store's sessions cannot be resumed under another key, so a lost one is for
    /// people to deal with. Call this before the store is opened. Gives what is wrong, or null.
    /// </summary>
    public static string? TryLoad(GatewayConfiguration configuration, ICryptography crypto, out IReadOnlyList<SecretHandle> keys)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(crypto);
        keys = [];
        Span<byte> bytes = stackalloc byte[ClusterKeys.MaxKeys * KeyFile.KeySize];
        try
        {
            string path = configuration.ClusterKeyFile;
            if (!Path.Exists(path))
            {
                if (configuration.Store is not StoreConfiguration.Sqlite store) return $"{path}: no such file";
                if (File.Exists(store.File))
                    return $"{path}: no such file, but the store {store.File} is there; its sessions need that key, so restore it, or move the store away";
                Span<byte> fresh = bytes[..KeyFile.KeySize];
                RandomNumberGenerator.Fill(fresh);
                if (KeyFile.TryCreate(path, fresh) is string cannot) return cannot;
            }
            if (KeyFile.TryReadAll(path, bytes, ClusterKeys.MaxKeys, out int count) is string problem) return problem;
            var handles = new SecretHandle[count];
            for (int i = 0; i < count; i++) handles[i] = crypto.Import(bytes.Slice(i * KeyFile.KeySize, KeyFile.KeySize));
            keys = handles;
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>Reads one key file into secret memory: an identity, a preshared key. Gives what is wrong, or null.</summary>
    public static string? TryLoadKey(string path, ICryptography crypto, out SecretHandle key)
    {
        ArgumentNullException.ThrowIfNull(crypto);
        key = SecretHandle.None;
        Span<byte> bytes = stackalloc byte[KeyFile.KeySize];
        try
        {
            if (KeyFile.TryRead(path, bytes) is string problem) return problem;
            key = crypto.Import(bytes);
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }
}
