using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Running;

/// <summary>Reads key files straight into locked memory.</summary>
internal static class NodeSecrets
{
    public static SecretHandle ReadKey(SodiumCryptography crypto, string file) =>
        ClusterKeyFile.TryLoadKey(file, crypto, out SecretHandle key) is { } problem ? throw Refusal.Configuration(problem) : key;

    public static NoiseKeyPair ReadIdentity(SodiumCryptography crypto, string file) => NoiseKeyPair.From(crypto, ReadKey(crypto, file));

    /// <summary>What the cluster keys give; the keys themselves are zeroed again.</summary>
    public static ClusterKeys ReadClusterKeys(SodiumCryptography crypto, GatewayConfiguration configuration)
    {
        if (ClusterKeyFile.TryLoad(configuration, crypto, out IReadOnlyList<SecretHandle> keys) is { } problem) throw Refusal.Configuration(problem);
        ClusterKeys derived = ClusterKeys.Derive(crypto, keys);
        foreach (SecretHandle key in keys) crypto.Release(key);
        return derived;
    }
}
