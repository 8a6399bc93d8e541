using System.Runtime.CompilerServices;

namespace JumpingVpn.Infrastructure.Crypto.Sodium;

/// <summary>One way to refuse a buffer of the wrong size. A wrong size is a caller's mistake, never bad input from a network.</summary>
internal static class Sizes
{
    public static void Require(ReadOnlySpan<byte> buffer, int size, [CallerArgumentExpression(nameof(buffer))] string name = "")
    {
        if (buffer.Length != size) throw new ArgumentException($"{name} has {buffer.Length} bytes instead of {size}", name);
    }

    public static void Require(ReadOnlySpan<byte> buffer, int minimum, int maximum, [CallerArgumentExpression(nameof(buffer))] string name = "")
    {
        if (buffer.Length < minimum || buffer.Length > maximum)
            throw new ArgumentException($"{name} has {buffer.Length} bytes instead of {minimum} to {maximum}", name);
    }
}
