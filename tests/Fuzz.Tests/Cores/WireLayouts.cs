using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Fuzz.Tests.Mutation;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>The fields of each control message, as docs/PROTOCOL.md has them, written down a second time.</summary>
internal static class WireLayouts
{
    private static readonly ByteField[] Unknown = [];

    private static readonly Dictionary<MessageType, ByteField[]> Known = new()
    {
        [MessageType.Initiation] = Fields(1, 3, 4, 32, 48, 80, 16, 16),
        [MessageType.Response] = Fields(1, 3, 4, 4, 32, 48),
        [MessageType.Cookie] = Fields(1, 3, 4, 24, 32),
        [MessageType.Prepare] = Fields(1, 3, 16, 4, 8, 8, 32, 16, 4, 1, 1, 2, 4, 24, 80, 16, 32, 16),
        [MessageType.Prepared] = Fields(1, 3, 4, 4, 1, 3, 32, 16, 16),
        [MessageType.Confirm] = Fields(1, 3, 4, 16, 16),
        [MessageType.Bound] = Fields(1, 3, 4, 616, 16),
        [MessageType.Refused] = Fields(1, 3, 16, 2, 2, 8, 4, 4, 16, 16),
        [MessageType.Challenge] = Fields(1, 3, 4, 8, 16),
        [MessageType.Probe] = Fields(1, 1, 2, 16, 4, 8, 16, 8, 8, 8, 8, 4, 4, 8, 16, 16),
        [MessageType.ProbeReply] = Fields(1, 1, 2, 8, 4, 8, 8, 8, 8, 8, 8, 16, 16),
        [MessageType.End] = Fields(1, 3, 16, 8, 16, 16, 1, 3, 4, 24, 80, 16, 32, 16),
        [MessageType.Ended] = Fields(1, 3, 16, 2, 2, 8, 16),
    };

    public static ReadOnlySpan<ByteField> Of(ReadOnlySpan<byte> datagram) =>
        datagram.Length > 0 && Known.TryGetValue((MessageType)datagram[0], out ByteField[]? fields) ? fields : Unknown;

    /// <summary>The bytes without which a datagram is another one than it was: cookie MACs prove an address, not a message; MAC1 anybody can make.</summary>
    public static ReadOnlySpan<byte> Essence(ReadOnlySpan<byte> datagram)
    {
        if (datagram.IsEmpty) return datagram;
        return ((MessageType)datagram[0], datagram.Length) switch
        {
            (MessageType.Initiation, Initiation.Size) => datagram[Initiation.NoiseOffset..Initiation.Mac1Offset],
            (MessageType.Prepare, Prepare.Size) => datagram[..Prepare.CookieMacOffset],
            (MessageType.End, End.Size) => datagram[..End.CookieMacOffset],
            _ => datagram,
        };
    }

    private static ByteField[] Fields(params int[] sizes)
    {
        var fields = new ByteField[sizes.Length];
        for (int i = 0, at = 0; i < sizes.Length; at += sizes[i++]) fields[i] = new(at, sizes[i]);
        return fields;
    }
}
