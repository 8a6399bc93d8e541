using System.Buffers.Text;
using System.Text;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// Writes canonical JSON (RFC 8785) as UTF-8 without a tree in between. Whoever writes an object writes its members in canonical order; the
/// tests hold every writer to <see cref="CanonicalJson.Parse"/>. For one thread; used again and again.
/// </summary>
internal sealed class CanonicalBuffer
{
    private byte[] _bytes = new byte[1024];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    /// <summary>What is canonical already: punctuation, names, literals.</summary>
    public CanonicalBuffer Raw(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Room(text.Length));
        _length += text.Length;
        return this;
    }

    /// <summary>A string, quoted and escaped.</summary>
    public CanonicalBuffer Text(string text)
    {
        if (text.AsSpan().ContainsAnyExceptInRange(' ', '~') || text.AsSpan().ContainsAny('"', '\\'))
        {
            if (!JsonValue.Text.IsWritable(text)) throw new ArgumentException("the text holds U+0000 or a lone surrogate", nameof(text));
            var escaped = new StringBuilder(text.Length + 8);
            CanonicalJson.AppendString(escaped, text);
            return Raw(Encoding.UTF8.GetBytes(escaped.ToString()));
        }
        Span<byte> room = Room(text.Length + 2);
        room[0] = (byte)'"';
        Encoding.ASCII.GetBytes(text, room[1..]);
        room[text.Length + 1] = (byte)'"';
        _length += text.Length + 2;
        return this;
    }

    /// <summary>An integer of 64 bits, as a string.</summary>
    public CanonicalBuffer Int64(long number)
    {
        Span<byte> room = Room(24);
        room[0] = (byte)'"';
        Utf8Formatter.TryFormat(number, room[1..], out int written);
        room[written + 1] = (byte)'"';
        _length += written + 2;
        return this;
    }

    /// <inheritdoc cref="Int64"/>
    public CanonicalBuffer UInt64(ulong number)
    {
        Span<byte> room = Room(24);
        room[0] = (byte)'"';
        Utf8Formatter.TryFormat(number, room[1..], out int written);
        room[written + 1] = (byte)'"';
        _length += written + 2;
        return this;
    }

    /// <summary>A small integer, as a number.</summary>
    public CanonicalBuffer Number(long number)
    {
        Utf8Formatter.TryFormat(number, Room(24), out int written);
        _length += written;
        return this;
    }

    /// <summary>Bytes as lower-case hexadecimal digits, as a string.</summary>
    public CanonicalBuffer Hex(ReadOnlySpan<byte> bytes)
    {
        Span<byte> room = Room((bytes.Length * 2) + 2);
        room[0] = (byte)'"';
        Convert.TryToHexStringLower(bytes, room[1..], out _);
        room[(bytes.Length * 2) + 1] = (byte)'"';
        _length += (bytes.Length * 2) + 2;
        return this;
    }

    /// <summary>An address and port as <see cref="Endpoint.ToString"/> has it.</summary>
    public CanonicalBuffer Endpoint(Endpoint endpoint)
    {
        if (!endpoint.IsIPv4) return Text(endpoint.ToString());
        uint address = (uint)endpoint.Bits.Low;
        Span<byte> room = Room(32);
        int at = 0;
        room[at++] = (byte)'"';
        for (int shift = 24; shift >= 0; shift -= 8)
        {
            Utf8Formatter.TryFormat((byte)(address >> shift), room[at..], out int digits);
            at += digits;
            room[at++] = shift > 0 ? (byte)'.' : (byte)':';
        }
        Utf8Formatter.TryFormat(endpoint.Port, room[at..], out int port);
        at += port;
        room[at++] = (byte)'"';
        _length += at;
        return this;
    }

    public override string ToString() => Encoding.UTF8.GetString(Written);

    private Span<byte> Room(int size)
    {
        if (_bytes.Length - _length < size) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + size));
        return _bytes.AsSpan(_length);
    }
}
