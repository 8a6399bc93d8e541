using JumpingVpn.Domain.Audit;

namespace JumpingVpn.Domain.Tests.Audit;

public class CanonicalJsonTests
{
    private static string Canonical(string text) => CanonicalJson.Parse(text).Match(Right: static json => json.Text, Left: static reason => "refused: " + reason);

    [Theory]
    // RFC 8785, 3.2.2: the example's members without fractions.
    [InlineData("""{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}""",
        """{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}""")]
    // RFC 8785, 3.2.3: sorting by UTF-16 code units.
    [InlineData(
        """{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}""",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"\U0001F600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}")]
    // The RFC's companion vectors `french`, `structures` (its 56.0 as 56), `weird` and `unicode`.
    [InlineData("""{ "peach": "This sorting order", "péché": "is wrong according to French", "pêche": "but canonicalization MUST", "sin":   "ingnore locale" }""",
        """{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ingnore locale"}""")]
    [InlineData("""{ "1": {"f": {"f": "hi","F": 5} ,"\n": 56}, "10": { }, "": "empty", "a": { }, "111": [ { } ], "A": { } }""",
        """{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}""")]
    [InlineData("""{"\u20ac":"Euro Sign","1":"One","\u0080":"Control\u007f","\ud83d\ude02":"Smiley","\u00f6":"Latin Small Letter O With Diaeresis","\ufb33":"Hebrew Letter Dalet With Dagesh","</script>":"Browser Challenge"}""",
        "{\"1\":\"One\",\"</script>\":\"Browser Challenge\",\"\u0080\":\"Control\u007f\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"\U0001F602\":\"Smiley\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}")]
    [InlineData("""{"Unnormalized Unicode":"A\u030a"}""", "{\"Unnormalized Unicode\":\"A\u030a\"}")]
    [InlineData(" [ 0 , -0 , 9007199254740991 , -9007199254740991 ] ", "[0,0,9007199254740991,-9007199254740991]")]
    [InlineData("\"\\b\\t\\n\\f\\r\\u001f\\u007f\\u2028\"", "\"\\b\\t\\n\\f\\r\\u001f\u007f\u2028\"")]
    public void The_published_examples_come_out_as_published(string input, string expected) => Assert.Equal(expected, Canonical(input));

    [Theory]
    [InlineData("1.5")]
    [InlineData("56.0")]
    [InlineData("1e3")]
    [InlineData("9007199254740992")]
    [InlineData("-9007199254740992")]
    [InlineData("99999999999999999999")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":1,"\u0061":2}""")]
    [InlineData("\"\\ud800\"")]
    [InlineData("\"\\u0000\"")]
    [InlineData("""{"\udc00":1}""")]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1,]")]
    [InlineData("1 2")]
    [InlineData("// no\n1")]
    [InlineData("nul")]
    public void What_has_no_canonical_form_here_is_refused(string input) => Assert.StartsWith("refused: ", Canonical(input), StringComparison.Ordinal);

    [Fact]
    public void A_lone_surrogate_in_the_text_itself_is_refused() =>
        Assert.StartsWith("refused: ", Canonical("\"" + (char)0xD800 + "\""), StringComparison.Ordinal);

    [Fact]
    public void Nesting_beyond_64_is_refused_and_64_is_read()
    {
        Assert.Equal(new string('[', 64) + new string(']', 64), Canonical(new string('[', 64) + new string(']', 64)));
        Assert.StartsWith("refused: ", Canonical(new string('[', 65) + new string(']', 65)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_built_and_what_is_parsed_back_in_another_order_are_equal()
    {
        CanonicalJson built = CanonicalJson.From(JsonValue.Object(
            ("z", JsonValue.Array(JsonValue.Of(1), JsonValue.Null, JsonValue.Of(true))),
            ("counter", JsonValue.OfUInt64(ulong.MaxValue)),
            ("a", JsonValue.Object(("y", JsonValue.Of("x\ny")), ("b", JsonValue.OfInt64(long.MinValue))))));
        Assert.Equal("""{"a":{"b":"-9223372036854775808","y":"x\ny"},"counter":"18446744073709551615","z":[1,null,true]}""", built.Text);
        Assert.Equal(built, (CanonicalJson)CanonicalJson.Parse(
            """{ "z": [1, null, true], "a": {"y": "x\u000ay", "b": "-9223372036854775808"}, "counter": "18446744073709551615" }"""));
        Assert.Equal(built, CanonicalJson.From(built.ToValue()));
    }

    [Fact]
    public void What_cannot_be_written_cannot_be_built()
    {
        Assert.Throws<ArgumentException>(() => JsonValue.Of("\ud800"));
        Assert.Throws<ArgumentException>(() => JsonValue.Of("\0"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new JsonValue.Number(1L << 53));
        Assert.Throws<ArgumentException>(() => JsonValue.Object(("a", JsonValue.Null), ("a", JsonValue.True)));
    }

    [Fact]
    public void Canonical_text_parses_to_itself_whatever_was_built()
    {
        const int seed = 20261;
        var random = new Random(seed);
        for (int i = 0; i < 2_000; i++)
        {
            CanonicalJson json = CanonicalJson.From(RandomValue(random, 4));
            Assert.True(Canonical(json.Text) == json.Text, $"seed {seed}, case {i}: {json.Text}");
        }
    }

    private static JsonValue RandomValue(Random random, int depth) => random.Next(depth > 0 ? 7 : 5) switch
    {
        0 => JsonValue.Null,
        1 => JsonValue.Of(random.Next(2) == 0),
        2 => new JsonValue.Number(random.NextInt64(-JsonValue.MaxNumber, JsonValue.MaxNumber)),
        3 => JsonValue.OfInt64(random.NextInt64()),
        4 => JsonValue.Of(RandomText(random)),
        5 => JsonValue.Array(Enumerable.Range(0, random.Next(4)).Select(_ => RandomValue(random, depth - 1)).ToList()),
        _ => JsonValue.Object(Enumerable.Range(0, random.Next(4)).Select(_ => RandomText(random)).Distinct()
            .Select(name => (name, RandomValue(random, depth - 1))).ToList()),
    };

    private static string RandomText(Random random) =>
        string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(4) switch
        {
            0 => char.ConvertFromUtf32(random.Next(1, 0x20)),
            1 => char.ConvertFromUtf32(random.Next(0x20, 0x80)),
            2 => char.ConvertFromUtf32(random.Next(0xA0, 0xD800)),
            _ => char.ConvertFromUtf32(random.Next(0xE000, 0x110000)),
        }));
}
