using System.Buffers.Binary;
using JumpingVpn.Infrastructure.Linux.Neighbours;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>Frames of ARP and neighbour discovery, by hand and by chance.</summary>
public class NeighbourFramesTests
{
    private const ulong Here = 0x0200_0000_0001;
    private const ulong There = 0x0200_0000_0002;

    /// <summary>RFC 826's request for 10.77.0.2 by 10.77.0.9.</summary>
    private static readonly byte[] ArpRequest = Convert.FromHexString("ffffffffffff020000000002" + "0806" + "0001080006040001" + "020000000002" + "0a4d0009" + "000000000000" + "0a4d0002");

    [Fact]
    public void A_request_of_ARP_is_read_and_answered()
    {
        NeighbourQuestion question = NeighbourFrames.TryRead(ArpRequest)!.Value;
        Assert.Equal(new NeighbourQuestion(Address("10.77.0.2"), true, Address("10.77.0.9"), There), question);
        byte[] frame = new byte[NeighbourFrames.MaxSize];
        int length = NeighbourFrames.Answer(frame, question, Here);
        Assert.Equal("020000000002020000000001" + "0806" + "0001080006040002" + "020000000001" + "0a4d0002" + "020000000002" + "0a4d0009", Convert.ToHexStringLower(frame.AsSpan(0, length)));
    }

    [Fact]
    public void Who_looks_whether_an_address_is_free_is_told_that_it_is_not()
    {
        byte[] probe = [.. ArpRequest];
        probe.AsSpan(28, 4).Clear();
        Assert.Equal((UInt128)0, NeighbourFrames.TryRead(probe)!.Value.Asker);
    }

    [Fact]
    public void Announcements_and_answers_of_others_ask_nothing()
    {
        byte[] frame = new byte[NeighbourFrames.MaxSize];
        foreach (bool asReply in new[] { false, true })
            Assert.Null(NeighbourFrames.TryRead(frame.AsSpan(0, NeighbourFrames.Announce(frame, Address("10.77.0.2"), true, There, asReply))));
        Assert.Null(NeighbourFrames.TryRead(frame.AsSpan(0, NeighbourFrames.Announce(frame, Address("fd77::2"), false, There, false))));
        NeighbourQuestion question = NeighbourFrames.TryRead(ArpRequest)!.Value;
        Assert.Null(NeighbourFrames.TryRead(frame.AsSpan(0, NeighbourFrames.Answer(frame, question, There))));
    }

    [Fact]
    public void A_solicitation_is_read_and_answered_with_a_whole_checksum()
    {
        byte[] solicitation = Solicitation("fd77::9");
        NeighbourQuestion question = NeighbourFrames.TryRead(solicitation)!.Value;
        Assert.Equal(new NeighbourQuestion(Address("fd77::2"), false, Address("fd77::9"), There), question);
        byte[] frame = new byte[NeighbourFrames.MaxSize];
        int length = NeighbourFrames.Answer(frame, question, Here);
        Assert.Equal(NeighbourFrames.MaxSize, length);
        Assert.Equal(0, Sum(frame.AsSpan(0, length)));
        // Type 136, solicited and override, and this link.
        Assert.Equal((136, 0x60, 0x01), (frame[54], frame[58], frame[^1]));
        Assert.Equal("020000000002", Convert.ToHexStringLower(frame.AsSpan(0, 6)));
    }

    [Fact]
    public void A_solicitation_without_an_address_is_answered_to_all()
    {
        NeighbourQuestion question = NeighbourFrames.TryRead(Solicitation("::"))!.Value;
        byte[] frame = new byte[NeighbourFrames.MaxSize];
        NeighbourFrames.Answer(frame, question, Here);
        Assert.Equal("333300000001", Convert.ToHexStringLower(frame.AsSpan(0, 6)));
        Assert.Equal(0x20, frame[58]);
    }

    [Theory]
    [InlineData(21, 0)] // another hop limit: it came from another network
    [InlineData(20, 17)]
    [InlineData(55, 1)]
    [InlineData(70, 0xAB)] // the checksum does not fit any more
    public void A_solicitation_that_is_not_whole_is_none(int at, byte value)
    {
        byte[] solicitation = Solicitation("fd77::9");
        solicitation[at] = value;
        Assert.Null(NeighbourFrames.TryRead(solicitation));
    }

    [Fact]
    public void Whatever_arrives_is_a_question_or_none()
    {
        var random = new Random(20260101);
        byte[][] corpus = [ArpRequest, Solicitation("fd77::9")];
        for (int round = 0; round < 50_000; round++)
        {
            byte[] frame = [.. corpus[round % 2]];
            for (int i = random.Next(4); i > 0; i--) frame[random.Next(frame.Length)] = (byte)random.Next(256);
            if (round % 3 == 0) frame = frame[..random.Next(frame.Length + 1)];
            byte[] answer = new byte[NeighbourFrames.MaxSize];
            if (NeighbourFrames.TryRead(frame) is { } question) NeighbourFrames.Answer(answer, question, Here);
        }
    }

    /// <summary>A neighbour solicitation for fd77::2 (RFC 4861, section 4.3).</summary>
    private static byte[] Solicitation(string from)
    {
        byte[] frame = new byte[14 + 40 + 32];
        Convert.FromHexString("3333ff00000202000000000286dd").CopyTo(frame, 0);
        frame[14] = 0x60;
        frame[19] = 32;
        frame[20] = 58;
        frame[21] = 255;
        BinaryPrimitives.WriteUInt128BigEndian(frame.AsSpan(22), Address(from));
        BinaryPrimitives.WriteUInt128BigEndian(frame.AsSpan(38), Address("ff02::1:ff00:2"));
        frame[54] = 135;
        BinaryPrimitives.WriteUInt128BigEndian(frame.AsSpan(62), Address("fd77::2"));
        frame[78] = 1;
        frame[79] = 1;
        Convert.FromHexString("020000000002").CopyTo(frame, 80);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(56), Sum(frame));
        return frame;
    }

    /// <summary>RFC 1071 over the pseudo header and the message.</summary>
    private static ushort Sum(ReadOnlySpan<byte> frame)
    {
        uint sum = 58 + (uint)(frame.Length - 54);
        for (int i = 22; i < frame.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(frame[i..]);
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
