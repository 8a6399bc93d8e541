using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>Checks MACs for a thread that does not own the keys.</summary>
public interface IProofCheck
{
    /// <summary>As <see cref="ICryptography.VerifyMac"/>, under a key that its owner may release meanwhile.</summary>
    /// <param name="isLive">False if it was: nothing is known of the MAC then.</param>
    bool VerifyMac(SecretHandle key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> mac, out bool isLive);
}
