using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// The keys that a session's root secret gives for as long as the session lives. The root itself opens no traffic: every
/// epoch mixes in a Diffie-Hellman exchange of its own.
/// </summary>
/// <param name="Root">Sealed in the ticket, kept by the client.</param>
/// <param name="Proof">Proof of possession in PREPARE and END.</param>
/// <param name="Answer">MAC of PREPARED, REFUSED and ENDED.</param>
/// <param name="Probe">MAC of PROBE, PROBE REPLY and CHALLENGE.</param>
public readonly record struct SessionSecrets(SecretHandle Root, SecretHandle Proof, SecretHandle Answer, SecretHandle Probe)
{
    /// <summary>Takes over <paramref name="root"/>: releasing the secrets releases it.</summary>
    public static SessionSecrets Derive(ICryptography crypto, SecretHandle root) => new(
        root,
        crypto.Expand(root, "jumping-vpn proof"u8),
        crypto.Expand(root, "jumping-vpn answer"u8),
        crypto.Expand(root, "jumping-vpn probe"u8));

    public void Release(ICryptography crypto)
    {
        crypto.Release(Root);
        crypto.Release(Proof);
        crypto.Release(Answer);
        crypto.Release(Probe);
    }
}

/// <summary>The four keys of one key epoch, each for one purpose and one direction; what outlives the epoch gives none of them (REQ-KEYS-4).</summary>
/// <param name="ClientData">Data packets to the gateway.</param>
/// <param name="GatewayData">Data packets to the client.</param>
/// <param name="Confirmation">MACs the client's CONFIRMs; it seals nothing.</param>
/// <param name="GatewayControl">Seals BOUND, once.</param>
public readonly record struct EpochSecrets(SecretHandle ClientData, SecretHandle GatewayData, SecretHandle Confirmation, SecretHandle GatewayControl)
{
    /// <summary>
    /// The first epoch and the session's root, both out of the handshake's final chaining key but neither from the other, so
    /// that a root that is stolen later opens no traffic of the first epoch. Releases nothing.
    /// </summary>
    public static (EpochSecrets Epoch, SecretHandle Root) FromHandshake(ICryptography crypto, SecretHandle chainingKey, Hash256 handshakeHash)
    {
        Span<byte> info = stackalloc byte[64];
        ReadOnlySpan<byte> epoch = Info(info, "jumping-vpn first epoch"u8, handshakeHash);
        SecretHandle secret = crypto.Expand(chainingKey, epoch);
        EpochSecrets keys = Split(crypto, secret);
        crypto.Release(secret);
        return (keys, crypto.Expand(chainingKey, Info(info, "jumping-vpn root"u8, handshakeHash)));
    }

    /// <summary>
    /// The epoch of a reattach: HKDF over the root, the exchange's shared secret and the transcript: PREPARE without its
    /// cookie MAC, and PREPARED (which names the suite) without its token. Releases nothing.
    /// </summary>
    public static EpochSecrets FromReattach(ICryptography crypto, SecretHandle root, SecretHandle shared, Hash256 prepare, Hash256 prepared)
    {
        Span<byte> info = stackalloc byte[96];
        "jumping-vpn reattach"u8.CopyTo(info);
        prepare.Write(info[32..]);
        prepared.Write(info[64..]);
        Span<SecretHandle> secret = stackalloc SecretHandle[1];
        crypto.Hkdf(root, shared, info, secret);
        EpochSecrets keys = Split(crypto, secret[0]);
        crypto.Release(secret[0]);
        return keys;
    }

    /// <summary>Zeroes all four.</summary>
    public void Release(ICryptography crypto)
    {
        ReleaseControl(crypto);
        ReleaseData(crypto);
    }

    public void ReleaseControl(ICryptography crypto)
    {
        crypto.Release(Confirmation);
        crypto.Release(GatewayControl);
    }

    public void ReleaseData(ICryptography crypto)
    {
        crypto.Release(ClientData);
        crypto.Release(GatewayData);
    }

    private static EpochSecrets Split(ICryptography crypto, SecretHandle secret) => new(
        crypto.Expand(secret, "client data"u8),
        crypto.Expand(secret, "gateway data"u8),
        crypto.Expand(secret, "confirmation"u8),
        crypto.Expand(secret, "gateway control"u8));

    private static ReadOnlySpan<byte> Info(Span<byte> buffer, ReadOnlySpan<byte> label, Hash256 hash)
    {
        label.CopyTo(buffer);
        hash.Write(buffer[label.Length..]);
        return buffer[..(label.Length + Hash256.Size)];
    }
}
