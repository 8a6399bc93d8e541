using System.Runtime.InteropServices;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux.Netlink;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>
/// What comes out of a TUN device: a virtio header and an IP packet. Superpackets are taken apart in place, and nothing is written
/// outside of the memory that they came in.
/// </summary>
internal sealed unsafe class TunTarget : FuzzTarget
{
    private const int Room = 256;
    private const byte Guard = 0xA5;

    private static readonly ByteField[] Fields =
    [
        new(0, 1), new(1, 1), new(2, 2), new(4, 2), new(6, 2), new(8, 2), new(10, 1), new(12, 2), new(14, 2), new(16, 2), new(19, 1), new(30, 2), new(42, 1), new(43, 1), new(62, 1),
    ];

    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Files("tun");
    private readonly Superpacket _superpacket = new();

    public override string Name => "tun";

    public override TimeSpan MostTime => TimeSpan.FromMilliseconds(500);

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[] bytes = ByteMutation.Mutate(random, random.Pick(_corpus), Fields, _corpus, keepsLength: random.Chance(50));
        if (random.Chance(70)) MendLength(bytes);
        return new(bytes);
    }

    public override bool Take(FuzzInput input)
    {
        if (input.Bytes.Length < VirtioNetHeader.Size) return false;
        int length = input.Bytes.Length - VirtioNetHeader.Size;
        byte[] memory = GC.AllocateUninitializedArray<byte>(Room + length + Room, pinned: true);
        memory.AsSpan().Fill(Guard);
        input.Bytes.AsSpan(VirtioNetHeader.Size).CopyTo(memory.AsSpan(Room));
        VirtioNetHeader header = MemoryMarshal.Read<VirtioNetHeader>(input.Bytes);
        fixed (byte* start = memory)
        {
            byte* ip = start + Room;
            if (!InnerPacket.TryRead(ip, length, out InnerPacket packet)) return false;
            FuzzFailure.Require(packet.Length == length && packet.HeaderLength <= length, "a packet is longer than its bytes");
            byte* error = stackalloc byte[IcmpErrors.MaxSize];
            FuzzFailure.Require(IcmpErrors.TooBig(packet, 1280, error) <= IcmpErrors.MaxSize && IcmpErrors.Unreachable(packet, error) <= IcmpErrors.MaxSize, "an ICMP error is too long");
            if (header.GsoType == VirtioNetHeader.GsoNone || !_superpacket.TryOpen(header, packet)) return false;
            int payload = 0;
            for (int i = 0; i < _superpacket.Count; i++)
            {
                byte* segment = _superpacket.Segment(i, out int size);
                FuzzFailure.Require(segment >= ip && segment + size <= ip + length && size <= _superpacket.LargestSegment, "a segment lies outside of its packet");
                payload += size - _superpacket.HeaderLength;
            }
            FuzzFailure.Require(payload == _superpacket.PayloadLength, "the segments are not the packet");
        }
        FuzzFailure.Require(!memory.AsSpan(0, Room).ContainsAnyExcept(Guard) && !memory.AsSpan(Room + length).ContainsAnyExcept(Guard), "something was written outside of the packet");
        return true;
    }

    public override long MostAllocated(int length) => 16_384 + (2L * length);

    protected override void Close() => _superpacket.Dispose();

    /// <summary>Puts the true length into the IP header, so that more than the length is looked at.</summary>
    private static void MendLength(byte[] bytes)
    {
        int length = bytes.Length - VirtioNetHeader.Size;
        if (length < 40) return;
        (int at, int value) = bytes[VirtioNetHeader.Size] >> 4 == 4 ? (2, length) : (4, length - 40);
        bytes[VirtioNetHeader.Size + at] = (byte)(value >> 8);
        bytes[VirtioNetHeader.Size + at + 1] = (byte)value;
    }
}

/// <summary>Netlink datagrams: messages, attributes and routes of any lengths, nested as they like.</summary>
internal sealed class NetlinkTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Files("netlink");

    public override string Name => "netlink";

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[] model = random.Pick(_corpus);
        ByteField[] words = [new(0, 4), new(4, 2), new(16, 1), new(17, 1), .. Enumerable.Range(8, Math.Max(0, (model.Length / 2) - 8)).Select(i => new ByteField(2 * i, 2))];
        byte[] bytes = ByteMutation.Mutate(random, model, words, _corpus, keepsLength: random.Chance(50));
        if (random.Chance(30)) bytes = [.. bytes, .. random.Pick(_corpus)];
        if (bytes.Length >= 4 && random.Chance(50)) BitConverter.TryWriteBytes(bytes, bytes.Length);
        return new(bytes);
    }

    public override bool Take(FuzzInput input)
    {
        var messages = new NetlinkMessages(input.Bytes);
        int count = 0;
        bool any = false;
        while (messages.TryNext(out NetlinkMessage message))
        {
            FuzzFailure.Require(++count <= input.Bytes.Length / NetlinkMessages.HeaderSize, "the walk does not end");
            any |= RouteMessageReader.Read(message) is not RouteMessage.Malformed;
        }
        return any;
    }
}
