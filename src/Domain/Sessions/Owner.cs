using System.Buffers.Binary;
using System.Globalization;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>One run of a node that may own sessions, 16 random bytes. A fenced incarnation never comes back.</summary>
public readonly record struct IncarnationId(UInt128 Value)
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 16;

    public static IncarnationId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>Reads 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(string? text, out IncarnationId id)
    {
        bool ok = Hex128.TryParse(text, out UInt128 value);
        id = new(value);
        return ok;
    }

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}

/// <summary>
/// Who may serve a session: a node in one of its incarnations (REQ-PARTITION-1). Node names have 1 to
/// <see cref="SessionLimits.MaxNameLength"/> characters.
/// </summary>
public sealed record Owner(string Node, IncarnationId Incarnation)
{
    public override string ToString() => Node + "/" + Incarnation.ToString()[..8];
}
