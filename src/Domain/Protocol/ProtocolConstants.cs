namespace JumpingVpn.Domain.Protocol;

/// <summary>Numbers that both ends must share. Sizes are bytes. The layouts themselves stand in docs/PROTOCOL.md.</summary>
public static class ProtocolConstants
{
    /// <summary>Version in the initiation; another one is refused.</summary>
    public const ushort Version = 1;

    /// <summary>Type byte and three reserved bytes.</summary>
    public const int PrefixSize = 4;

    /// <summary>Header of a data packet: prefix, receiver index, counter.</summary>
    public const int DataHeaderSize = 16;

    /// <summary>MAC1, cookie MAC, token and the MACs of answers: keyed BLAKE2b, 16 bytes.</summary>
    public const int MacSize = 16;

    /// <summary>Proof of possession: keyed BLAKE2b, 32 bytes.</summary>
    public const int ProofSize = 32;

    /// <summary>Largest control datagram; a longer one is dropped before it is looked at.</summary>
    public const int MaxControlDatagram = 1500;

    /// <summary>Largest control frame inside a data packet.</summary>
    public const int MaxControlFrame = 1024;

    /// <summary>Reattaches that were prepared and not confirmed, per session (DESIGN: bounded state).</summary>
    public const int MaxPendingReattaches = 4;

    /// <summary>Addresses that one client may have inside the tunnel.</summary>
    public const int MaxTunnelAddresses = Sessions.SessionLimits.MaxAddresses;

    /// <summary>The Noise protocol's name (Noise 8).</summary>
    public const string NoiseName = "Noise_IKpsk2_25519_ChaChaPoly_SHA256";

    /// <summary>Prologue of the handshake: binds it to this protocol and version.</summary>
    public static ReadOnlySpan<byte> Prologue => "jumping-vpn 1"u8;
}
