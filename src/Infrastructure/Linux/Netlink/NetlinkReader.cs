using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux.Netlink;

/// <summary>One netlink message: struct nlmsghdr taken apart, and what follows it.</summary>
internal readonly ref struct NetlinkMessage(ushort type, ushort flags, uint sequence, ReadOnlySpan<byte> body)
{
    public ushort Type { get; } = type;

    public ushort Flags { get; } = flags;

    public uint Sequence { get; } = sequence;

    public ReadOnlySpan<byte> Body { get; } = body;
}

/// <summary>Walks the messages of one netlink datagram (netlink(7)); never reads outside it, whatever the lengths say.</summary>
internal ref struct NetlinkMessages(ReadOnlySpan<byte> datagram)
{
    /// <summary>sizeof(struct nlmsghdr).</summary>
    public const int HeaderSize = 16;

    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>True once bytes were met that are no message; the walk ends there.</summary>
    public bool Malformed { get; private set; }

    public bool TryNext(out NetlinkMessage message)
    {
        message = default;
        if (_rest.IsEmpty || Malformed) return false;
        uint length = _rest.Length < HeaderSize ? 0 : MemoryMarshal.Read<uint>(_rest);
        if (length < HeaderSize || length > (uint)_rest.Length)
        {
            Malformed = true;
            return false;
        }
        message = new(
            MemoryMarshal.Read<ushort>(_rest[4..]),
            MemoryMarshal.Read<ushort>(_rest[6..]),
            MemoryMarshal.Read<uint>(_rest[8..]),
            _rest[HeaderSize..(int)length]);
        _rest = _rest[Math.Min(NetlinkAttributes.Align((int)length), _rest.Length)..];
        return true;
    }
}

/// <summary>Walks the attributes of a message (struct rtattr); never reads outside it.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    /// <summary>sizeof(struct rtattr).</summary>
    public const int HeaderSize = 4;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>True once bytes were met that are no attribute; the walk ends there.</summary>
    public bool Malformed { get; private set; }

    public bool TryNext(out ushort type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (_rest.IsEmpty || Malformed) return false;
        int length = _rest.Length < HeaderSize ? 0 : MemoryMarshal.Read<ushort>(_rest);
        if (length < HeaderSize || length > _rest.Length)
        {
            Malformed = true;
            return false;
        }
        type = (ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & NetlinkNumbers.NLA_TYPE_MASK);
        value = _rest[HeaderSize..length];
        _rest = _rest[Math.Min(Align(length), _rest.Length)..];
        return true;
    }

    /// <summary>The next multiple of four.</summary>
    public static int Align(int length) => (length + 3) & ~3;
}
