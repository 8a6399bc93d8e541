using System.Diagnostics;
using System.Text;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Tests.Configuration;

/// <summary>Whatever bytes a file holds, reading it gives a configuration or errors, and soon.</summary>
public sealed class YamlFuzzTests : IDisposable
{
    private const int Rounds = 4000;
    private readonly Example example = new();

    public void Dispose() => example.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(20260101)]
    public void Mutated_configurations_never_crash_the_reader(int seed)
    {
        var random = new Random(seed);
        string[] corpus = [example.Gateway, example.Client];
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(corpus[random.Next(corpus.Length)]);
            for (int i = random.Next(1, 8); i > 0; i--) bytes = Mutate(bytes, random);
            Read(Encoding.UTF8.GetString(bytes), $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [InlineData(7)]
    public void Random_bytes_never_crash_the_reader(int seed)
    {
        var random = new Random(seed);
        const string alphabet = "[]{}:,-?&*!|>'\"%@`#\t\n\r \\\u0000\u0085\u2028\uFEFFabc019~.";
        for (int round = 0; round < Rounds; round++)
        {
            var text = new StringBuilder();
            for (int i = random.Next(60); i > 0; i--) text.Append(alphabet[random.Next(alphabet.Length)]);
            Read(text.ToString(), $"seed {seed}, round {round}");
        }
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("a: [")]
    [InlineData("{a: ")]
    [InlineData("\"")]
    [InlineData("&a ")]
    [InlineData("!")]
    [InlineData("|\n")]
    [InlineData("a: b\n")]
    [InlineData("a:\n")]
    public void Endless_repetition_is_refused_quickly(string piece)
    {
        var watch = Stopwatch.StartNew();
        Read(string.Concat(Enumerable.Repeat(piece, 100_000)), piece);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}");
    }

    [Fact]
    public void Nesting_by_indentation_is_refused()
    {
        var text = new StringBuilder();
        for (int depth = 0; depth < 3000; depth++) text.Append(' ', depth).Append("a:\n");
        Read(text.ToString(), "indentation");
    }

    [Fact]
    public void Bytes_that_are_no_utf8_are_refused()
    {
        string file = example.Directory["bad.yaml"];
        File.WriteAllBytes(file, [.. "role: gateway\nnode: "u8, 0xff, 0xfe]);
        Assert.False(ConfigurationFile.TryLoad(file, out _, out var errors));
        Assert.Equal($"{file}: not a text in UTF-8", Assert.Single(errors).ToString());
    }

    [Fact]
    public void An_error_is_one_printable_line()
    {
        ConfigurationFile.TryParse("x.yaml", "role: \"a\\nb\\e[31m\\u202e\"\n", out _, out var errors);
        Assert.All(errors, e => Assert.DoesNotContain(e.ToString(), c => char.IsControl(c) || c == '\u202e'));
    }

    private void Read(string text, string which)
    {
        try
        {
            if (!ConfigurationFile.TryParse(example.Directory["node.yaml"], text, out _, out var errors)) Assert.NotEmpty(errors);
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{which}: {e}");
        }
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        int at = random.Next(bytes.Length + 1), length = Math.Min(random.Next(12), bytes.Length - at);
        byte[] piece = new byte[random.Next(6)];
        random.NextBytes(piece);
        return random.Next(4) switch
        {
            0 => [.. bytes[..at], .. bytes[(at + length)..]],
            1 => [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]],
            2 => [.. bytes[..at], .. piece, .. bytes[at..]],
            _ => [.. bytes[..at], (byte)"[]{}:,-?&*!|>'\"%@\n "[random.Next(19)], .. bytes[at..]],
        };
    }
}
