namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>The handshakes of the Noise framework (revision 34) that this code speaks. Sizes in bytes; both have the same.</summary>
public enum NoiseProtocol
{
    /// <summary>Noise_IK_25519_ChaChaPoly_SHA256.</summary>
    IK,

    /// <summary>Noise_IKpsk2_25519_ChaChaPoly_SHA256 (section 9): IK with a pre-shared key at the end of the second message.</summary>
    IKpsk2,
}

/// <summary>Sizes, in bytes.</summary>
public static class NoiseSizes
{
    /// <summary>First message without its payload: ephemeral key, sealed static key, tag of the payload.</summary>
    public const int Message1Overhead = 32 + (32 + 16) + 16;

    /// <summary>Second message without its payload: ephemeral key, tag of the payload.</summary>
    public const int Message2Overhead = 32 + 16;

    /// <summary>Longest message (section 3).</summary>
    public const int MaxMessage = 65_535;
}
