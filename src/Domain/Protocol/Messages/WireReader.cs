using System.Buffers.Binary;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>Reads little-endian fields in order. The caller has checked the length; reading past the end is a bug.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public byte U8() => Take(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    /// <summary>Takes reserved bytes; false unless all are zero, so that a later version can give them a meaning.</summary>
    public bool Zero(int count) => !Take(count).ContainsAnyExcept((byte)0);

    /// <summary>True if all that is left is zero.</summary>
    public readonly bool RestIsZero() => !_rest.ContainsAnyExcept((byte)0);
}

/// <summary>Writes little-endian fields in order.</summary>
internal ref struct WireWriter(Span<byte> bytes)
{
    private readonly Span<byte> _all = bytes;
    private int _at;

    public readonly int Position => _at;

    public void U8(byte value) => Next(1)[0] = value;

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Next(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Next(4), value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Next(8), value);

    public void Bytes(ReadOnlySpan<byte> value) => value.CopyTo(Next(value.Length));

    public void Zero(int count) => Next(count).Clear();

    /// <summary>The next bytes, for the caller to fill.</summary>
    public Span<byte> Next(int count)
    {
        Span<byte> next = _all.Slice(_at, count);
        _at += count;
        return next;
    }

    /// <summary>Type byte and the three bytes after it.</summary>
    public void Prefix(MessageType type, byte flags = 0)
    {
        U8((byte)type);
        U8(flags);
        Zero(2);
    }
}
