using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>Builds one netlink request in a caller's buffer.</summary>
internal ref struct NetlinkWriter
{
    private readonly Span<byte> _buffer;
    private int _length;

    public NetlinkWriter(Span<byte> buffer, ushort type, ushort flags)
    {
        _buffer = buffer;
        _buffer.Clear();
        _length = NetlinkMessages.HeaderSize;
        MemoryMarshal.Write(_buffer[4..], type);
        MemoryMarshal.Write(_buffer[6..], (ushort)(flags | NetlinkNumbers.NLM_F_REQUEST));
    }

    /// <summary>Room for a fixed header such as struct ifinfomsg, already zero.</summary>
    public Span<byte> Header(int size)
    {
        Span<byte> header = _buffer.Slice(_length, size);
        _length += NetlinkAttributes.Align(size);
        return header;
    }

    public void Add(ushort type, scoped ReadOnlySpan<byte> value)
    {
        int length = NetlinkAttributes.HeaderSize + value.Length;
        MemoryMarshal.Write(_buffer[_length..], (ushort)length);
        MemoryMarshal.Write(_buffer[(_length + 2)..], type);
        value.CopyTo(_buffer[(_length + NetlinkAttributes.HeaderSize)..]);
        _length += NetlinkAttributes.Align(length);
    }

    public void Add(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        MemoryMarshal.Write(bytes, value);
        Add(type, bytes);
    }

    public void Add(ushort type, byte value) => Add(type, [value]);

    /// <summary>A zero-terminated string.</summary>
    public void Add(ushort type, string value) => Add(type, Encoding.UTF8.GetBytes(value + "\0"));

    /// <summary>An address in network order: 4 or 16 bytes.</summary>
    public void Add(ushort type, UInt128 address, bool isIPv4)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        Add(type, isIPv4 ? bytes[12..] : bytes);
    }

    public void Add(ushort type, in IpPrefix prefix) => Add(type, prefix.Address, prefix.IsIPv4);

    /// <summary>Opens an attribute that holds attributes; returns what <see cref="End"/> wants.</summary>
    public int Begin(ushort type)
    {
        int start = _length;
        MemoryMarshal.Write(_buffer[(start + 2)..], type);
        _length += NetlinkAttributes.HeaderSize;
        return start;
    }

    public readonly void End(int start) => MemoryMarshal.Write(_buffer[start..], (ushort)(_length - start));

    /// <summary>The finished message, with its length filled in.</summary>
    public readonly Span<byte> Finish()
    {
        MemoryMarshal.Write(_buffer, (uint)_length);
        return _buffer[.._length];
    }
}
