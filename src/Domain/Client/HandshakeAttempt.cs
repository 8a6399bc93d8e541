using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;

namespace JumpingVpn.Domain.Client;

/// <summary>A handshake on one path.</summary>
/// <param name="LocalIndex">Our receiver index for the first epoch.</param>
/// <param name="Socket">The path's socket when it began: with another socket it is void.</param>
/// <param name="RetryAt">When its message is repeated.</param>
/// <param name="Tries">Times that its message was sent.</param>
/// <param name="GiveUpAt">When it is forgotten.</param>
/// <param name="CookieRounds">Times that a cookie made us repeat it.</param>
public sealed record HandshakeAttempt(
    uint LocalIndex, PathId Path, int Socket, HandshakeStage Stage, Instant RetryAt, int Tries, Instant GiveUpAt, int CookieRounds);

/// <summary>How far a handshake has come. Owns its secrets. Closed.</summary>
public abstract record HandshakeStage
{
    private HandshakeStage()
    {
    }

    public abstract void Release(ICryptography crypto);

    /// <summary>The initiation is out.</summary>
    /// <param name="Datagram">The initiation with MAC1, without cookie MAC.</param>
    public sealed record Initiating(NoiseInitiator Noise, ReadOnlyMemory<byte> Datagram) : HandshakeStage
    {
        public override void Release(ICryptography crypto) => Noise.Release(crypto);
    }

    /// <summary>The response came; the CONFIRM is out.</summary>
    public sealed record Confirming(SessionId Session, CipherSuite Suite, uint RemoteIndex, EpochSecrets Keys, SecretHandle Root, ReadOnlyMemory<byte> Confirm)
        : HandshakeStage
    {
        public override void Release(ICryptography crypto)
        {
            Keys.Release(crypto);
            crypto.Release(Root);
        }
    }
}

/// <summary>When the client without a session tries to get one.</summary>
/// <param name="NextAt">When the next path may be tried.</param>
/// <param name="Failures">Sessions that ended, and confirmations that nobody answered, in a row.</param>
public readonly record struct ConnectPlan(Instant NextAt, int Failures);
