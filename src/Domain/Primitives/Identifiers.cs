using System.Buffers.Binary;
using System.Globalization;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// The stable identity of a session, 16 bytes: 8 random ones and an 8-byte MAC of them under the cluster key, so that a
/// guessed id is refused before any look-up (REQ-FLOOD-2).
/// </summary>
public readonly record struct SessionId(UInt128 Value) : IComparable<SessionId>
{
    /// <summary>Size on the wire, in bytes.</summary>
    public const int Size = 16;

    public static SessionId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);

    /// <summary>Reads 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(string? text, out SessionId id)
    {
        bool ok = Hex128.TryParse(text, out UInt128 value);
        id = new(value);
        return ok;
    }

    public int CompareTo(SessionId other) => Value.CompareTo(other.Value);

    public static bool operator <(SessionId left, SessionId right) => left.Value < right.Value;

    public static bool operator >(SessionId left, SessionId right) => left.Value > right.Value;

    public static bool operator <=(SessionId left, SessionId right) => left.Value <= right.Value;

    public static bool operator >=(SessionId left, SessionId right) => left.Value >= right.Value;

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Hex128.Format(Value);
}

/// <summary>
/// One start of one client process, 16 random bytes. Two live instances of one client key are two copies of one client
/// (DUAL_CLIENT).
/// </summary>
public readonly record struct InstanceId(UInt128 Value)
{
    /// <summary>Size on the wire, in bytes.</summary>
    public const int Size = 16;

    public static InstanceId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);

    public static bool TryParse(string? text, out InstanceId id)
    {
        bool ok = Hex128.TryParse(text, out UInt128 value);
        id = new(value);
        return ok;
    }

    public override string ToString() => Hex128.Format(Value);
}

internal static class Hex128
{
    public static string Format(UInt128 value) => value.ToString("x32", CultureInfo.InvariantCulture);

    public static bool TryParse(string? text, out UInt128 value)
    {
        value = default;
        return text is { Length: 32 }
            && UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
