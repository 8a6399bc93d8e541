using System.Buffers.Binary;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// One run of a gateway node on one event store, 16 random bytes. A node that starts again is a new incarnation, so what its
/// predecessor left behind can be told from its own; a fenced incarnation never comes back.
/// </summary>
public readonly record struct IncarnationId(UInt128 Value)
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 16;

    public static IncarnationId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);

    /// <summary>Reads 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(string? text, out IncarnationId id)
    {
        bool ok = Hex128.TryParse(text, out UInt128 value);
        id = new(value);
        return ok;
    }

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Hex128.Format(Value);
}
