namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// The stable identity of a session, 16 bytes: 8 random ones and an 8-byte MAC of them under the cluster key, so that a
/// guessed id is refused before any look-up (REQ-FLOOD-2).
/// </summary>
public readonly record struct SessionId : IComparable<SessionId>
{
    private readonly Bits128 bits;

    public SessionId(UInt128 value) => bits = Bits128.From(value);

    private SessionId(Bits128 bits) => this.bits = bits;

    /// <summary>Size on the wire, in bytes.</summary>
    public const int Size = 16;

    public UInt128 Value => bits.ToUInt128();

    public static SessionId Read(ReadOnlySpan<byte> bytes) => new(Bits128.Read(bytes));

    public void Write(Span<byte> bytes) => bits.Write(bytes);

    /// <summary>Reads 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(string? text, out SessionId id) => TryParse(text.AsSpan(), out id);

    /// <inheritdoc cref=\"TryParse(string?, out SessionId)\"/>
    public static bool TryParse(ReadOnlySpan<char> text, out SessionId id)
    {
        bool ok = Bits128.TryParse(text, out Bits128 value);
        id = new(value);
        return ok;
    }

    public int CompareTo(SessionId other) => bits.CompareTo(other.bits);

    public static bool operator <(SessionId left, SessionId right) => left.bits.CompareTo(right.bits) < 0;

    public static bool operator >(SessionId left, SessionId right) => left.bits.CompareTo(right.bits) > 0;

    public static bool operator <=(SessionId left, SessionId right) => left.bits.CompareTo(right.bits) <= 0;

    public static bool operator >=(SessionId left, SessionId right) => left.bits.CompareTo(right.bits) >= 0;

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => bits.ToString();
}

/// <summary>
/// One start of one client process, 16 random bytes. Two live instances of one client key are two copies of one client
/// (DUAL_CLIENT).
/// </summary>
public readonly record struct InstanceId
{
    private readonly Bits128 bits;

    public InstanceId(UInt128 value) => bits = Bits128.From(value);

    private InstanceId(Bits128 bits) => this.bits = bits;

    /// <summary>Size on the wire, in bytes.</summary>
    public const int Size = 16;

    public UInt128 Value => bits.ToUInt128();

    public static InstanceId Read(ReadOnlySpan<byte> bytes) => new(Bits128.Read(bytes));

    public void Write(Span<byte> bytes) => bits.Write(bytes);

    public static bool TryParse(string? text, out InstanceId id) => TryParse(text.AsSpan(), out id);

    /// <inheritdoc cref=\"TryParse(string?, out InstanceId)\"/>
    public static bool TryParse(ReadOnlySpan<char> text, out InstanceId id)
    {
        bool ok = Bits128.TryParse(text, out Bits128 value);
        id = new(value);
        return ok;
    }

    public override string ToString() => bits.ToString();
}
