using System.Buffers.Binary;
using System.Text;

namespace JumpingVpn.Adversary.Codec;

/// <summary>
/// Writes the client's messages. Each writer takes a `lie`, which may change any byte before the message is authenticated, so
/// that what reaches the other side is wrong and has a right MAC.
/// </summary>
public static class Wire
{
    public static byte[] Mac1Key(byte[] gateway) => Crypto.Hash(Encoding.ASCII.GetBytes("jumping-vpn mac1"), gateway);

    public static byte[] CookieKey(byte[] gateway) => Crypto.Hash(Encoding.ASCII.GetBytes("jumping-vpn cook"), gateway);

    /// <summary>INITIATION around a Noise message.</summary>
    public static byte[] Initiation(byte[] gateway, uint index, byte[] noise, byte[]? cookie = null, Action<byte[]>? lie = null)
    {
        byte[] bytes = new byte[WireType.InitiationSize];
        bytes[0] = WireType.Initiation;
        Put(bytes, 4, index);
        noise.CopyTo(bytes, 8);
        lie?.Invoke(bytes);
        Crypto.Mac(Mac1Key(gateway), bytes.AsSpan(0, 168)).CopyTo(bytes, 168);
        SealCookie(bytes, 184, cookie);
        return bytes;
    }

    /// <summary>The 64 bytes that a Noise message of an INITIATION carries.</summary>
    public static byte[] InitiationPayload(byte[] instance, uint path, ushort version = 1, byte suites = 3)
    {
        byte[] bytes = new byte[64];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, version);
        bytes[2] = suites;
        instance.CopyTo(bytes, 4);
        Put(bytes, 20, path);
        return bytes;
    }

    /// <param name="ephemeral">The public key share.</param>
    public static byte[] Prepare(
        SessionKeys keys, byte[] session, uint index, ulong nonce, ulong bindingVersion, byte[] ephemeral, byte[] instance, uint path, byte kind,
        byte[] ticket, byte suites = 3, Action<byte[]>? lie = null)
    {
        byte[] bytes = new byte[WireType.PrepareSize];
        bytes[0] = WireType.Prepare;
        session.CopyTo(bytes, 4);
        Put(bytes, 20, index);
        Put(bytes, 24, nonce);
        Put(bytes, 32, bindingVersion);
        ephemeral.CopyTo(bytes, 40);
        instance.CopyTo(bytes, 72);
        Put(bytes, 88, path);
        bytes[92] = kind;
        bytes[93] = suites;
        ticket.CopyTo(bytes, 96);
        lie?.Invoke(bytes);
        Crypto.Mac(keys.Proof, bytes.AsSpan(0, 220), 32).CopyTo(bytes, 220);
        return bytes;
    }

    /// <summary>Puts a cookie's MAC into a request whose last 16 bytes are for it.</summary>
    public static byte[] WithCookie(byte[] request, byte[] cookie)
    {
        byte[] bytes = [.. request];
        SealCookie(bytes, bytes.Length - WireType.MacSize, cookie);
        return bytes;
    }

    public static byte[] Confirm(EpochKeys epoch, byte[] token)
    {
        byte[] bytes = new byte[24];
        bytes[0] = WireType.Confirm;
        Put(bytes, 4, epoch.RemoteIndex);
        token.CopyTo(bytes, 8);
        return [.. bytes, .. Crypto.Mac(epoch.Confirmation, bytes)];
    }

    /// <param name="ticket">Null leaves it out.</param>
    public static byte[] Probe(
        SessionKeys keys, byte[] session, uint path, ulong counter, byte[] instance, uint epoch, ulong bindingVersion, byte[]? ticket = null,
        int? length = null, Action<byte[]>? lie = null)
    {
        byte[] bytes = new byte[length ?? WireType.ProbeSize + (ticket?.Length ?? 0)];
        bytes[0] = WireType.Probe;
        bytes[1] = (byte)(ticket is null ? 0 : 1);
        session.CopyTo(bytes, 4);
        Put(bytes, 20, path);
        Put(bytes, 24, counter);
        instance.CopyTo(bytes, 32);
        Crypto.Random(16).CopyTo(bytes, 48);
        Put(bytes, 80, counter);
        Put(bytes, 88, epoch);
        Put(bytes, 96, bindingVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(104), (ushort)bytes.Length);
        ticket?.CopyTo(bytes, 128);
        lie?.Invoke(bytes);
        Crypto.Mac(keys.Probe, (byte[])[.. bytes[..112], .. bytes[128..]]).CopyTo(bytes, 112);
        return bytes;
    }

    public static byte[] End(SessionKeys keys, byte[] session, ulong nonce, byte[] instance, byte[] ticket, byte kind = 1, byte[]? other = null, Action<byte[]>? lie = null)
    {
        byte[] bytes = new byte[WireType.EndSize];
        bytes[0] = WireType.End;
        session.CopyTo(bytes, 4);
        Put(bytes, 20, nonce);
        instance.CopyTo(bytes, 28);
        other?.CopyTo(bytes, 44);
        bytes[60] = kind;
        ticket.CopyTo(bytes, 64);
        lie?.Invoke(bytes);
        Crypto.Mac(keys.Proof, bytes.AsSpan(0, 188), 32).CopyTo(bytes, 188);
        return bytes;
    }

    /// <summary>A data packet's header.</summary>
    public static byte[] DataHeader(uint index, ulong counter, byte flags = 0)
    {
        byte[] bytes = new byte[16];
        bytes[0] = WireType.Data;
        bytes[1] = flags;
        Put(bytes, 4, index);
        Put(bytes, 8, counter);
        return bytes;
    }

    public static void Put(byte[] bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);

    public static void Put(byte[] bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);

    private static void SealCookie(byte[] bytes, int offset, byte[]? cookie)
    {
        if (cookie is null) return;
        Crypto.Mac([.. cookie, .. new byte[16]], bytes.AsSpan(0, offset)).CopyTo(bytes, offset);
    }
}
