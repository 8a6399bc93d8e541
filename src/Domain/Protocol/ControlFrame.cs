using JumpingVpn.Domain.Protocol.Messages;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// A control frame: travels as the inner packet of a data packet; its first nibble is 0, the second its type. Closed:
/// bytes that are none of these are refused. Number 3 is reserved.
/// </summary>
public abstract record ControlFrame
{
    private ControlFrame()
    {
    }

    /// <summary>Size of every frame, in bytes.</summary>
    public const int Size = 32;

    /// <summary>Client to gateway after a voluntary switch: nothing was sent under the old epoch from <paramref name="End"/> on.</summary>
    /// <param name="OldIndex">The gateway's receiver index of the old epoch.</param>
    public sealed record EpochEnd(uint OldIndex, ulong End) : ControlFrame;

    /// <summary>Gateway to client: the session's state changed without a new binding.</summary>
    /// <param name="Reason">Wire number of the reason code.</param>
    public sealed record StateChanged(byte State, ushort Reason, ulong Version) : ControlFrame;

    /// <summary>Gateway to client: this node stops serving; reattach at once, elsewhere if possible.</summary>
    public sealed record Released(ulong Version) : ControlFrame;

    public void Write(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes[..Size]);
        switch (this)
        {
            case EpochEnd frame:
                writer.U8(1);
                writer.Zero(3);
                writer.U32(frame.OldIndex);
                writer.U64(frame.End);
                break;
            case StateChanged frame:
                writer.U8(2);
                writer.U8(frame.State);
                writer.U16(frame.Reason);
                writer.Zero(4);
                writer.U64(frame.Version);
                break;
            case Released frame:
                writer.U8(4);
                writer.Zero(7);
                writer.U64(frame.Version);
                break;
            default:
                throw new InvalidOperationException("unknown control frame");
        }
        writer.Zero(Size - writer.Position);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out ControlFrame frame)
    {
        frame = null!;
        if (bytes.Length != Size) return false;
        var reader = new WireReader(bytes);
        byte type = reader.U8(), small = reader.U8();
        ushort reason = reader.U16();
        uint index = reader.U32();
        ulong number = reader.U64();
        if (!reader.RestIsZero()) return false;
        ControlFrame? read = (type, small, reason, index) switch
        {
            (1, 0, 0, _) => new EpochEnd(index, number),
            (2, _, _, 0) => new StateChanged(small, reason, number),
            (4, 0, 0, 0) => new Released(number),
            _ => null,
        };
        if (read is null) return false;
        frame = read;
        return true;
    }
}
