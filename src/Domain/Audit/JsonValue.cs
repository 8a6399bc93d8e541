using System.Collections.Immutable;
using System.Globalization;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// The JSON that events are made of: RFC 8785's data model without fractions. Every value that can be built has one
/// canonical text (<see cref="CanonicalJson"/>); what has none (a lone surrogate, a member named twice, an integer beyond
/// 2^53 - 1) is a broken invariant and throws where it is built.
/// </summary>
public abstract record JsonValue
{
    /// <summary>The largest magnitude written as a number: 2^53 - 1 (RFC 7493, 2.2). Larger integers are strings.</summary>
    public const long MaxNumber = (1L << 53) - 1;

    private JsonValue()
    {
    }

    /// <summary>null</summary>
    public static readonly JsonValue Null = new Nothing();

    public static readonly JsonValue True = new Boolean(true);

    public static readonly JsonValue False = new Boolean(false);

    public static JsonValue Of(string text) => new Text(text);

    public static JsonValue Of(bool value) => value ? True : False;

    /// <summary>A small integer, written as a number.</summary>
    public static JsonValue Of(int number) => new Number(number);

    /// <summary>An integer of 64 bits, written as a decimal string, so that no reader rounds it.</summary>
    public static JsonValue OfInt64(long number) => new Text(number.ToString(CultureInfo.InvariantCulture));

    /// <inheritdoc cref="OfInt64"/>
    public static JsonValue OfUInt64(ulong number) => new Text(number.ToString(CultureInfo.InvariantCulture));

    public static JsonValue Array(params IEnumerable<JsonValue> items) => new List([.. items]);

    public static JsonValue Object(params IEnumerable<(string Name, JsonValue Value)> members) => new Members([.. members]);

    public sealed record Nothing : JsonValue;

    public sealed record Boolean(bool Value) : JsonValue;

    /// <summary>An integer within ±(2^53 - 1).</summary>
    public sealed record Number : JsonValue
    {
        public Number(long value)
        {
            if (value is > MaxNumber or < -MaxNumber)
                throw new ArgumentOutOfRangeException(nameof(value), value, "an integer beyond 2^53 - 1 is written as a string");
            Value = value;
        }

        public long Value { get; }
    }

    /// <summary>A string of Unicode scalar values. U+0000 is refused: PostgreSQL's jsonb cannot hold it.</summary>
    public sealed record Text : JsonValue
    {
        public Text(string value)
        {
            if (!IsWritable(value)) throw new ArgumentException("the text holds U+0000 or a lone surrogate", nameof(value));
            Value = value;
        }

        public string Value { get; }

        internal static bool IsWritable(string text)
        {
            for (int i = 0; i < text.Length; i++)
            {
                if (text[i] == '\0') return false;
                if (!char.IsSurrogate(text[i])) continue;
                if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) return false;
                i++;
            }
            return true;
        }
    }

    public sealed record List(ImmutableArray<JsonValue> Items) : JsonValue;

    /// <summary>An object; its members are held sorted by UTF-16 code units (RFC 8785, 3.2.3).</summary>
    public sealed record Members : JsonValue
    {
        public Members(ImmutableArray<(string Name, JsonValue Value)> members)
        {
            Sorted = Sort(members.ToBuilder()).DrainToImmutable();
            for (int i = 0; i < Sorted.Length; i++)
            {
                if (!Text.IsWritable(Sorted[i].Name)) throw new ArgumentException("a member's name holds U+0000 or a lone surrogate", nameof(members));
                if (i > 0 && Sorted[i].Name == Sorted[i - 1].Name)
                    throw new ArgumentException($"the member {Sorted[i].Name} stands twice", nameof(members));
            }
        }

        public ImmutableArray<(string Name, JsonValue Value)> Sorted { get; }

        internal static ImmutableArray<(string Name, JsonValue Value)>.Builder Sort(ImmutableArray<(string Name, JsonValue Value)>.Builder members)
        {
            // What comes from a store is sorted already.
            for (int i = 1; i < members.Count; i++)
            {
                if (string.CompareOrdinal(members[i - 1].Name, members[i].Name) <= 0) continue;
                members.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
                break;
            }
            return members;
        }

        /// <summary>The member of that name, or null where there is none.</summary>
        public JsonValue? Find(string name)
        {
            foreach ((string candidate, JsonValue value) in Sorted)
                if (candidate == name) return value;
            return null;
        }
    }
}
