using System.Text;

namespace JumpingVpn.Adversary.Codec;

/// <summary>What a session's root gives (docs/PROTOCOL.md, section 5).</summary>
public sealed record SessionKeys(byte[] Root)
{
    public byte[] Proof { get; } = Crypto.Expand(Root, "jumping-vpn proof");

    public byte[] Answer { get; } = Crypto.Expand(Root, "jumping-vpn answer");

    public byte[] Probe { get; } = Crypto.Expand(Root, "jumping-vpn probe");
}

/// <summary>The keys of one epoch, and both ends' receiver indices.</summary>
/// <param name="Secret">What the four keys are expanded from.</param>
/// <param name="LocalIndex">In packets to the client.</param>
/// <param name="RemoteIndex">In packets to the gateway.</param>
/// <param name="Suite">1: AES-256-GCM, 2: ChaCha20-Poly1305.</param>
public sealed record EpochKeys(byte[] Secret, uint LocalIndex, uint RemoteIndex, byte Suite)
{
    public byte[] ClientData { get; } = Crypto.Expand(Secret, "client data");

    public byte[] GatewayData { get; } = Crypto.Expand(Secret, "gateway data");

    public byte[] Confirmation { get; } = Crypto.Expand(Secret, "confirmation");

    public byte[] GatewayControl { get; } = Crypto.Expand(Secret, "gateway control");

    /// <summary>The first epoch and the root, side by side out of the handshake's last chaining key.</summary>
    public static (EpochKeys Epoch, SessionKeys Session) FromHandshake(Noise noise, uint localIndex, uint remoteIndex, byte suite)
    {
        byte[] Derive(string label) => Crypto.Expand(noise.ChainingKey, [.. Encoding.ASCII.GetBytes(label), .. noise.HandshakeHash]);
        return (new(Derive("jumping-vpn first epoch"), localIndex, remoteIndex, suite), new(Derive("jumping-vpn root")));
    }

    public static EpochKeys FromReattach(SessionKeys session, byte[] shared, byte[] prepare, byte[] prepared, uint localIndex) =>
        new(ReattachSecret(session.Root, shared, prepare, prepared), localIndex, BitConverter.ToUInt32(prepared, 8), prepared[12]);

    /// <summary>The secret of a reattach's epoch: without the exchange's shared secret nothing else gives it.</summary>
    public static byte[] ReattachSecret(byte[] root, byte[] shared, byte[] prepare, byte[] prepared)
    {
        byte[] info = new byte[32];
        Encoding.ASCII.GetBytes("jumping-vpn reattach", info);
        info = [.. info, .. Crypto.Hash(prepare[..252]), .. Crypto.Hash(prepared[..48])];
        return Crypto.Hkdf(root, shared, info, Crypto.KeySize);
    }
}
