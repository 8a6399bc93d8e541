using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Packet;

namespace JumpingVpn.Node.Running;

/// <summary>Chooses the libraries for data packets once, at start.</summary>
internal static class Ciphers
{
    /// <summary>For benchmarks: names a back end instead of the fastest one that works here.</summary>
    public const string Override = "JUMPING_VPN_CIPHER";

    public static PacketCipherSelector Select(NodeReports log)
    {
        string? wish = Environment.GetEnvironmentVariable(Override);
        PacketCipherSelector selector = PacketCipherSelector.Select(string.IsNullOrEmpty(wish) ? null : wish)
            .IfLeft(problem => throw Refusal.Configuration($"{Override}: {problem}"));
        foreach (string skipped in selector.Skipped) log.Information("cipher " + skipped);
        return selector;
    }

    /// <summary>The suites that this host accelerates, as offered to the other side.</summary>
    public static byte Offer(this PacketCipherSelector selector) =>
        CipherSuites.Offer(new[] { CipherSuite.Aes256Gcm, CipherSuite.ChaCha20Poly1305 }.Where(selector.Accelerates));
}
