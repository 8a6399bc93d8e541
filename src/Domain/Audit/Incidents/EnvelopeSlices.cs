using System.Buffers.Text;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// An envelope's canonical text, taken apart where it stands: no tree, no strings. It takes exactly what
/// <see cref="EventEnvelope.ToText"/> writes: every member, once, in canonical order; whether cause and data are canonical too shows when
/// they are written anew.
/// </summary>
internal readonly ref struct EnvelopeSlices
{
    public ReadOnlySpan<byte> Alias { get; private init; }

    public ReadOnlySpan<byte> Cause { get; private init; }

    public ReadOnlySpan<byte> Data { get; private init; }

    public ReadOnlySpan<byte> Node { get; private init; }

    public ReadOnlySpan<byte> Reason { get; private init; }

    public long Epoch { get; private init; }

    public long Time { get; private init; }

    public long Version { get; private init; }

    public Hash256 Hash { get; private init; }

    public IncarnationId Incarnation { get; private init; }

    public Hash256 Policy { get; private init; }

    public Hash256 Previous { get; private init; }

    public SessionId Stream { get; private init; }

    /// <summary>The text before and behind the member `hash`: what the hash is over.</summary>
    public ReadOnlySpan<byte> Before { get; private init; }

    public ReadOnlySpan<byte> Behind { get; private init; }

    /// <summary>False for any other text.</summary>
    public static bool TryRead(ReadOnlySpan<byte> line, out EnvelopeSlices slices)
    {
        slices = default;
        ReadOnlySpan<byte> rest = line;
        if (!Text(ref rest, "{\"alias\":\""u8, out ReadOnlySpan<byte> alias)) return false;
        if (!Value(ref rest, ",\"cause\":"u8, out ReadOnlySpan<byte> cause)) return false;
        if (!Value(ref rest, ",\"data\":"u8, out ReadOnlySpan<byte> data)) return false;
        if (!Integer(ref rest, ",\"epoch\":\""u8, out long epoch)) return false;
        if (!Skip(ref rest, ",\"format\":1"u8)) return false;
        ReadOnlySpan<byte> before = line[..(line.Length - rest.Length)];
        Span<byte> bytes = stackalloc byte[Hash256.Size];
        if (!Hex(ref rest, ",\"hash\":\""u8, bytes)) return false;
        Hash256 hash = Hash256.Read(bytes);
        ReadOnlySpan<byte> behind = rest;
        if (!Hex(ref rest, ",\"incarnation\":\""u8, bytes[..IncarnationId.Size])) return false;
        IncarnationId incarnation = IncarnationId.Read(bytes);
        if (!Text(ref rest, ",\"node\":\""u8, out ReadOnlySpan<byte> node)) return false;
        if (!Hex(ref rest, ",\"policy\":\""u8, bytes)) return false;
        Hash256 policy = Hash256.Read(bytes);
        if (!Hex(ref rest, ",\"previous\":\""u8, bytes)) return false;
        Hash256 previous = Hash256.Read(bytes);
        if (!Text(ref rest, ",\"reason\":\""u8, out ReadOnlySpan<byte> reason)) return false;
        if (!Hex(ref rest, ",\"stream\":\""u8, bytes[..SessionId.Size])) return false;
        SessionId stream = SessionId.Read(bytes);
        if (!Integer(ref rest, ",\"time\":\""u8, out long time)) return false;
        if (!Integer(ref rest, ",\"version\":\""u8, out long version) || version < 1) return false;
        if (!Integer(ref rest, ",\"wall\":\""u8, out _) || !rest.SequenceEqual("}"u8)) return false;
        slices = new()
        {
            Alias = alias, Cause = cause, Data = data, Node = node, Reason = reason, Epoch = epoch, Time = time, Version = version, Hash = hash,
            Incarnation = incarnation, Policy = policy, Previous = previous, Stream = stream, Before = before, Behind = behind,
        };
        return true;
    }

    private static bool Skip(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> expected)
    {
        if (!rest.StartsWith(expected)) return false;
        rest = rest[expected.Length..];
        return true;
    }

    /// <summary>A string as it stands between its quotes.</summary>
    private static bool Text(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> expected, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!Skip(ref rest, expected)) return false;
        int length = StringLength(rest);
        if (length < 0) return false;
        text = rest[..length];
        rest = rest[(length + 1)..];
        return true;
    }

    private static bool Integer(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> expected, out long number)
    {
        number = 0;
        if (!Text(ref rest, expected, out ReadOnlySpan<byte> text) || !Utf8Parser.TryParse(text, out number, out int read) || read != text.Length) return false;
        Span<byte> canonical = stackalloc byte[24];
        return Utf8Formatter.TryFormat(number, canonical, out int written) && text.SequenceEqual(canonical[..written]);
    }

    private static bool Hex(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> expected, scoped Span<byte> into)
    {
        int digits = into.Length * 2;
        if (!Skip(ref rest, expected) || rest.Length <= digits || rest[digits] != (byte)'"' || rest[..digits].ContainsAnyInRange((byte)'A', (byte)'F')) return false;
        bool whole = Convert.FromHexString(rest[..digits], into, out _, out int written) == System.Buffers.OperationStatus.Done && written == into.Length;
        rest = rest[(digits + 1)..];
        return whole;
    }

    /// <summary>An object or null.</summary>
    private static bool Value(scoped ref ReadOnlySpan<byte> rest, scoped ReadOnlySpan<byte> expected, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!Skip(ref rest, expected)) return false;
        if (rest.StartsWith("null"u8))
        {
            value = rest[..4];
            rest = rest[4..];
            return true;
        }
        int depth = 0, at = 0;
        while (true)
        {
            int step = rest[at..].IndexOfAny((byte)'"', (byte)'{', (byte)'}');
            if (step < 0) return false;
            at += step;
            switch (rest[at++])
            {
                case (byte)'"':
                    int length = StringLength(rest[at..]);
                    if (length < 0) return false;
                    at += length + 1;
                    break;
                case (byte)'{':
                    depth++;
                    break;
                default:
                    if (--depth > 0) break;
                    if (depth < 0) return false;
                    value = rest[..at];
                    rest = rest[at..];
                    return true;
            }
            if (depth == 0) return false;
        }
    }

    /// <summary>How long a string is up to its closing quote; -1 if it has none.</summary>
    private static int StringLength(ReadOnlySpan<byte> rest)
    {
        int at = 0;
        while (true)
        {
            int step = rest[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (step < 0) return -1;
            at += step;
            if (rest[at] == (byte)'"') return at;
            at += 2;
            if (at > rest.Length) return -1;
        }
    }
}
