namespace JumpingVpn.Fuzz.Tests.Kernel;

/// <summary>An input did what no input may do.</summary>
internal sealed class FuzzFailure(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What a person needs to see it again.</summary>
    public static FuzzFailure Of(FuzzTarget target, ulong number, FuzzInput input, string what, Exception? inner = null) => new(
        $"{target.Name}: {what}\nsituation {input.Situation}, way {input.Way}, {input.Bytes.Length} bytes: {Convert.ToHexString(input.Bytes.AsSpan(0, Math.Min(input.Bytes.Length, 4096)))}\n"
        + $"again by: ./test --fuzz-input {target.Name}:{number}", inner);

    public static void Require(bool holds, string what)
    {
        if (!holds) throw new FuzzFailure(what);
    }
}
