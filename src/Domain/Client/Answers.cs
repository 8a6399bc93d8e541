using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Client;

/// <summary>The MAC of an answer covers the hash of the request that it answers and the answer's own bytes.</summary>
internal static class Answers
{
    private const int MaxSize = 256;

    /// <summary>Compares in constant time.</summary>
    public static bool Verify(ICryptography crypto, SecretHandle key, Hash256 request, ReadOnlySpan<byte> answer, int macOffset)
    {
        Span<byte> covered = stackalloc byte[MaxSize];
        request.Write(covered);
        answer[..macOffset].CopyTo(covered[Hash256.Size..]);
        return crypto.VerifyMac(key, covered[..(Hash256.Size + macOffset)], answer.Slice(macOffset, ProtocolConstants.MacSize));
    }
}
