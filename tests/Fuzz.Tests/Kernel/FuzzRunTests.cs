using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Kernel;

/// <summary>The harness itself: parsers that are broken on purpose are found out, and what was found can be seen again.</summary>
public sealed class FuzzRunTests
{
    private static readonly byte[] Seed = [0, 4, 1, 2, 3, 4, 9, 9];

    [Fact]
    public void A_parser_that_trusts_a_length_is_found_out() =>
        Assert.Contains("ArgumentOutOfRange", Found(input => input.Length > 2 && input.AsSpan(2, input[1]).Length > 0).Message, StringComparison.Ordinal);

    [Fact]
    public void A_parser_that_allocates_what_a_length_says_is_found_out() =>
        Assert.Contains("allocated", Found(input => input.Length > 2 && new byte[(input[0] << 16) | (input[1] << 8)].Length > 0).Message, StringComparison.Ordinal);

    [Fact]
    public void A_parser_that_goes_on_and_on_is_found_out() =>
        Assert.Contains("took", Found(input =>
        {
            if (input.Length > 0 && input[0] == 255) Thread.Sleep(60);
            return true;
        }).Message, StringComparison.Ordinal);

    [Fact]
    public void What_was_found_is_found_again_by_its_number()
    {
        FuzzFailure first = Found(Breaks);
        string number = first.Message[(first.Message.LastIndexOf(':') + 1)..];
        using var watchdog = new Watchdog();
        using var target = new Broken(Breaks);
        FuzzFailure again = Assert.Throws<FuzzFailure>(() => FuzzRun.Once(target, ulong.Parse(number, System.Globalization.CultureInfo.InvariantCulture), watchdog));
        Assert.Equal(first.Message.Split('\n')[1], again.Message.Split('\n')[1]);

        static bool Breaks(byte[] input)
        {
            FuzzFailure.Require(input.Length < 2 || input[1] != 128, "it is 128");
            return true;
        }
    }

    private static FuzzFailure Found(Func<byte[], bool> parser)
    {
        using var target = new Broken(parser);
        return Assert.Throws<FuzzFailure>(() => FuzzRun.Execute(target, 1, TimeSpan.FromSeconds(20), 10));
    }

    private sealed class Broken(Func<byte[], bool> parser) : FuzzTarget
    {
        public override string Name => "broken";

        public override TimeSpan MostTime => TimeSpan.FromMilliseconds(40);

        public override FuzzInput? Draw(SimRandom random) => new(Mutation.ByteMutation.Mutate(random, Seed, [new(0, 1), new(1, 1)], [Seed]));

        public override bool Take(FuzzInput input) => parser(input.Bytes);
    }
}
