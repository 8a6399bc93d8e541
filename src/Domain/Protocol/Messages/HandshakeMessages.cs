using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>
/// INITIATION: Noise message 1 (ephemeral, sealed static key, sealed <see cref="InitiationPayload"/>) between a receiver
/// index and the two MACs of WireGuard's kind.
/// </summary>
public static class Initiation
{
    public const int NoiseOffset = 8;
    public const int NoiseSize = 32 + (32 + ICryptography.TagSize) + InitiationPayload.Size + ICryptography.TagSize;
    public const int Mac1Offset = NoiseOffset + NoiseSize;
    public const int Mac2Offset = Mac1Offset + ProtocolConstants.MacSize;
    public const int Size = Mac2Offset + ProtocolConstants.MacSize;

    public static uint SenderIndex(ReadOnlySpan<byte> datagram) => Field.U32(datagram, 4);

    public static ReadOnlySpan<byte> Noise(ReadOnlySpan<byte> datagram) => datagram.Slice(NoiseOffset, NoiseSize);

    /// <summary>Writes everything but the MACs, which stay zero.</summary>
    public static void Write(Span<byte> datagram, uint senderIndex, ReadOnlySpan<byte> noise)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Initiation);
        writer.U32(senderIndex);
        writer.Bytes(noise);
        writer.Zero(2 * ProtocolConstants.MacSize);
    }
}

/// <summary>What the client says inside message 1.</summary>
/// <param name="Suites">Bit n-1: the client can run suite n at speed.</param>
/// <param name="Instance">This start of the client's process.</param>
/// <param name="Path">The client's number of the path that it came by.</param>
public sealed record InitiationPayload(ushort Version, byte Suites, InstanceId Instance, uint Path)
{
    /// <summary>Padded so that no answer to the initiation is larger than it.</summary>
    public const int Size = 64;

    public void Write(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes[..Size]);
        writer.U16(Version);
        writer.U8(Suites);
        writer.Zero(1);
        Instance.Write(writer.Next(InstanceId.Size));
        writer.U32(Path);
        writer.Zero(Size - writer.Position);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out InitiationPayload payload)
    {
        payload = null!;
        if (bytes.Length != Size) return false;
        var reader = new WireReader(bytes);
        ushort version = reader.U16();
        byte suites = reader.U8();
        if (!reader.Zero(1)) return false;
        payload = new(version, suites, InstanceId.Read(reader.Take(InstanceId.Size)), reader.U32());
        return reader.RestIsZero();
    }
}

/// <summary>RESPONSE: Noise message 2. Session id and suite travel sealed; all else comes with BOUND, after the commit.</summary>
public static class Response
{
    public const int NoiseOffset = 12;
    public const int NoiseSize = 32 + ResponsePayload.Size + ICryptography.TagSize;
    public const int Size = NoiseOffset + NoiseSize;

    public static uint ReceiverIndex(ReadOnlySpan<byte> datagram) => Field.U32(datagram, 4);

    public static uint SenderIndex(ReadOnlySpan<byte> datagram) => Field.U32(datagram, 8);

    public static ReadOnlySpan<byte> Noise(ReadOnlySpan<byte> datagram) => datagram.Slice(NoiseOffset, NoiseSize);

    public static void Write(Span<byte> datagram, uint receiverIndex, uint senderIndex, ReadOnlySpan<byte> noise)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Response);
        writer.U32(receiverIndex);
        writer.U32(senderIndex);
        writer.Bytes(noise);
    }
}

/// <summary>What the gateway says inside message 2.</summary>
/// <param name="SenderIndex">The index that stands outside in clear, again: what somebody else has put there is found out (REQ-PATH-1).</param>
public sealed record ResponsePayload(SessionId Session, CipherSuite Suite, uint SenderIndex)
{
    public const int Size = 32;

    public void Write(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes[..Size]);
        Session.Write(writer.Next(SessionId.Size));
        writer.U8((byte)Suite);
        writer.Zero(3);
        writer.U32(SenderIndex);
        writer.Zero(Size - writer.Position);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out ResponsePayload payload)
    {
        payload = null!;
        if (bytes.Length != Size) return false;
        var reader = new WireReader(bytes);
        var session = SessionId.Read(reader.Take(SessionId.Size));
        var suite = (CipherSuite)reader.U8();
        if (!reader.Zero(3)) return false;
        payload = new(session, suite, reader.U32());
        return reader.RestIsZero() && CipherSuites.IsKnown(suite);
    }
}

/// <summary>COOKIE: a cookie sealed to whoever knows the request's MAC (WireGuard 5.4.7).</summary>
public static class Cookie
{
    public const int NonceOffset = 8;
    public const int SealedOffset = NonceOffset + ICryptography.LongNonceSize;
    public const int Size = SealedOffset + ProtocolConstants.MacSize + ICryptography.TagSize;

    public static uint ReceiverIndex(ReadOnlySpan<byte> datagram) => Field.U32(datagram, 4);

    public static void WriteHeader(Span<byte> datagram, uint receiverIndex)
    {
        var writer = new WireWriter(datagram[..Size]);
        writer.Prefix(MessageType.Cookie);
        writer.U32(receiverIndex);
    }
}

/// <summary>Single fields at fixed offsets.</summary>
internal static class Field
{
    public static uint U32(ReadOnlySpan<byte> datagram, int offset) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(datagram[offset..]);
}
