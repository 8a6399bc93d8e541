using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>
/// The whole packet path, with its threads: changed packets with virtio headers from the host's side, and changed inner packets, frames
/// and flags under right keys from the peer's. Behind each batch a good packet passes both ways.
/// </summary>
internal sealed class DataPlaneTarget : FuzzTarget
{
    private const int FromPeer = 1;
    private const int Separator = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Files("tun");
    private readonly PlaneHarness _harness = new();
    private readonly EpochKeys _keys;
    private ulong _counter;
    private int _mark;

    public DataPlaneTarget() => _keys = _harness.Bound();

    public override string Name => "data-plane";

    public override TimeSpan MostTime => TimeSpan.FromSeconds(5);

    public override long MostAllocated(int length) => 8_000_000;

    public override FuzzInput? Draw(SimRandom random)
    {
        int way = random.Below(2);
        var batch = new List<byte>();
        for (int i = random.Between(1, 12); i > 0; i--)
        {
            byte[] packet = random.Pick(_corpus);
            if (random.Chance(85)) packet = ByteMutation.Mutate(random, packet, [], _corpus, keepsLength: random.Chance(70));
            // Towards the client inside, or from it.
            if (packet.Length > 40 && packet[10] >> 4 == 4 && way == FromPeer) (packet[25], packet[29]) = (packet[29], packet[25]);
            if (packet.Length is < VirtioNetHeader.Size or > 9_000) continue;
            batch.AddRange([(byte)(packet.Length >> 8), (byte)packet.Length]);
            batch.AddRange(packet);
        }
        return new([.. batch], 0, way);
    }

    public override bool Take(FuzzInput input)
    {
        for (int at = 0; at + Separator <= input.Bytes.Length;)
        {
            int length = (input.Bytes[at] << 8) | input.Bytes[at + 1];
            Span<byte> packet = input.Bytes.AsSpan(at + Separator, length);
            if (input.Way == FromPeer) _harness.Peer.Send(_keys, _counter++, packet[VirtioNetHeader.Size..], packet[0]);
            else _harness.Tun.Send(packet[VirtioNetHeader.Size..], System.Runtime.InteropServices.MemoryMarshal.Read<VirtioNetHeader>(packet));
            at += Separator + length;
        }
        FuzzFailure.Require(!_harness.Plane.Failed.IsCompleted, "a thread of the data plane has ended: " + (_harness.Plane.Failed.IsCompleted ? _harness.Plane.Failed.Result : null));
        bool any = Inwards();
        Outwards();
        while (_harness.Events.Datagrams.TryDequeue(out _) || _harness.Events.Frames.TryDequeue(out _) || _harness.Events.Unbound.TryDequeue(out _))
        {
            // Frames and control datagrams are the core's business.
        }
        return any;
    }

    protected override void Close() => _harness.Dispose();

    /// <summary>A good packet comes out of the tunnel; true if any of the batch did before it.</summary>
    private bool Inwards()
    {
        // Another flow than all the others, so that it is not gathered with them into one superpacket.
        byte[] good = Packets.Udp(PlaneHarness.Inside, PlaneHarness.Host, BitConverter.GetBytes(++_mark), sourcePort: 7);
        _harness.Peer.Send(_keys, _counter++, good);
        for (int i = 0; ; i++)
        {
            FuzzFailure.Require(_harness.Tun.TryReceive(Patience, out _, out byte[] packet), "nothing passes any more: " + Drops());
            if (packet.AsSpan().SequenceEqual(good)) return i > 0;
        }
    }

    private string Drops() =>
        string.Join(", ", Enum.GetValues<DropReason>().Where(reason => _harness.Drops(reason) != 0).Select(reason => $"{reason} {_harness.Drops(reason)}"));

    private void Outwards()
    {
        byte[] good = PlaneHarness.Outward(++_mark);
        _harness.Tun.Send(good);
        while (!_harness.Peer.Receive(_keys).Inner.AsSpan().SequenceEqual(good))
        {
            // What the batch brought about comes first.
        }
    }
}
