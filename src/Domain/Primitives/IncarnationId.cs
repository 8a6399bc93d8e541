namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// One run of a gateway node on one event store, 16 random bytes. A node that starts again is a new incarnation, so what its
/// predecessor left behind can be told from its own; a fenced incarnation never comes back.
/// </summary>
public readonly record struct IncarnationId : IComparable<IncarnationId>
{
    private readonly Bits128 bits;

    public IncarnationId(UInt128 value) => bits = Bits128.From(value);

    private IncarnationId(Bits128 bits) => this.bits = bits;

    /// <summary>Size in bytes.</summary>
    public const int Size = 16;

    public UInt128 Value => bits.ToUInt128();

    public static IncarnationId Read(ReadOnlySpan<byte> bytes) => new(Bits128.Read(bytes));

    public void Write(Span<byte> bytes) => bits.Write(bytes);

    public int CompareTo(IncarnationId other) => bits.CompareTo(other.bits);

    public static bool operator <(IncarnationId left, IncarnationId right) => left.CompareTo(right) < 0;

    public static bool operator >(IncarnationId left, IncarnationId right) => left.CompareTo(right) > 0;

    public static bool operator <=(IncarnationId left, IncarnationId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(IncarnationId left, IncarnationId right) => left.CompareTo(right) >= 0;

    /// <summary>Reads 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(string? text, out IncarnationId id) => TryParse(text.AsSpan(), out id);

    /// <inheritdoc cref=\"TryParse(string?, out IncarnationId)\"/>
    public static bool TryParse(ReadOnlySpan<char> text, out IncarnationId id)
    {
        bool ok = Bits128.TryParse(text, out Bits128 value);
        id = new(value);
        return ok;
    }

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => bits.ToString();
}
