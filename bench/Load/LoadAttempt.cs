using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol.Noise;

namespace JumpingVpn.Bench.Load;

/// <summary>One attempt of a client at one node: a handshake or a reattach, prepared or confirmed. Times are of the monotonic clock, in nanoseconds.</summary>
internal sealed class LoadAttempt
{
    public required int Node { get; init; }

    /// <summary>The client's receiver index.</summary>
    public required uint Index { get; init; }

    public required long StartedAt { get; init; }

    /// <summary>INITIATION or PREPARE, without a cookie.</summary>
    public required byte[] Request { get; init; }

    /// <summary>Set for a handshake.</summary>
    public NoiseInitiator? Noise { get; init; }

    /// <summary>Of a PREPARE: what its answers are authenticated over.</summary>
    public Hash256 Hash { get; init; }

    public SecretHandle Ephemeral { get; set; }

    /// <summary>Set once the answer has come.</summary>
    public byte[]? Confirm { get; set; }

    public SecretHandle GatewayControl { get; set; }

    public long ConfirmedAt { get; set; }

    public int Tries { get; set; } = 1;

    public int CookieRounds { get; set; }

    public long RetryAt { get; set; }

    public void Release(ICryptography crypto)
    {
        Noise?.Release(crypto);
        crypto.Release(Ephemeral);
        crypto.Release(GatewayControl);
        Ephemeral = GatewayControl = SecretHandle.None;
    }
}
