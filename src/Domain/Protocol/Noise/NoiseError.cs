namespace JumpingVpn.Domain.Protocol.Noise;

/// <summary>Why a handshake message was refused. Nothing has changed and nothing is kept after any of them.</summary>
public enum NoiseError
{
    /// <summary>Shorter than its fixed part or longer than Noise allows.</summary>
    Length,

    /// <summary>A public key of low order: the agreement would not depend on our key (RFC 7748, 6.1).</summary>
    LowOrderPoint,

    /// <summary>A tag is wrong: altered, meant for another key, another prologue, or another pre-shared key.</summary>
    NotAuthentic,
}
