using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>Where the parts of the two messages lie.</summary>
internal static class NoiseMessages
{
    private const int SealedStaticEnd = PublicKey.Size + PublicKey.Size + ICryptography.TagSize;

    public static readonly Range SealedStatic = PublicKey.Size..SealedStaticEnd;
    public static readonly Range Payload1 = SealedStaticEnd..;
    public static readonly Range Payload2 = PublicKey.Size..;

    public static void RequireSize(ReadOnlySpan<byte> buffer, int size)
    {
        if (buffer.Length != size || size > NoiseSizes.MaxMessage)
            throw new ArgumentException($"a buffer of {buffer.Length} bytes instead of {size} (at most {NoiseSizes.MaxMessage})", nameof(buffer));
    }
}
