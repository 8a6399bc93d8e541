using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Tests.Linux;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>Runs when nothing else does: what is counted here is counted for the whole process.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;

[Collection(nameof(AloneCollection))]
public sealed class MemoryTests
{
    [PrivilegedFact]
    public void Under_load_the_packet_threads_allocate_nothing_and_nothing_is_collected()
    {
        using var lab = new TunnelLab();
        Load(1);
        GC.Collect();
        (long, long) allocated = (lab.Left.Plane.AllocatedBytes, lab.Right.Plane.AllocatedBytes);
        (int, int) collections = (GC.CollectionCount(1), GC.CollectionCount(2));
        long before = Packets();
        Load(2);
        Assert.Equal(allocated, (lab.Left.Plane.AllocatedBytes, lab.Right.Plane.AllocatedBytes));
        Assert.Equal(collections, (GC.CollectionCount(1), GC.CollectionCount(2)));
        Assert.True(Packets() - before > 10_000, "too little went through to prove anything");

        void Load(int rounds)
        {
            for (int round = 0; round < rounds; round++)
            {
                RealTunTests.Transfer(lab, "10.9.0.2", 16 << 20);
                RealTunTests.Transfer(lab, "fd09::2", 16 << 20);
                RealTunTests.SendDatagrams(lab, "10.9.0.2", count: 5000, size: 300);
            }
        }

        long Packets()
        {
            lab.Left.Plane.TryReadCounters(TunnelLab.Node.Session, out var counters);
            return (long)(counters.SentPackets + counters.ReceivedPackets);
        }
    }

    [Fact]
    public void Every_way_out_of_the_table_frees_the_expanded_keys()
    {
        int before = PacketKey.Live;
        using (var it = new PlaneHarness())
        {
            // Expanded with the first packet: one key to send with, one to receive with.
            EpochKeys first = it.Bound(1);
            Assert.Equal(before, PacketKey.Live);
            it.Plane.SendControl(PlaneHarness.Session, [1]);
            Assert.Equal(before, PacketKey.Live);
            it.Peer.Send(first, 0, PlaneHarness.Inward(1));
            it.Settle();
            Assert.Equal(before + 1, PacketKey.Live);
            it.Tun.Send(PlaneHarness.Outward(1));
            PlaneHarness.WaitFor(() => PacketKey.Live == before + 2);
            EpochKeys second = it.Keys(2);
            it.Plane.InstallEpoch(PlaneHarness.Session, second.Traffic, PlaneHarness.From(it.Peer), held: true);
            it.Peer.Send(second, 0, PlaneHarness.Inward(2));
            it.Settle();
            Assert.Equal(before + 3, PacketKey.Live);
            it.Plane.RemoveEpoch(PlaneHarness.Session, 2);
            Assert.Equal(before + 2, PacketKey.Live);

            it.Plane.InstallEpoch(PlaneHarness.Session, second.Traffic, PlaneHarness.From(it.Peer), held: false);
            it.Plane.Bind(PlaneHarness.Session, 2, PlaneHarness.From(it.Peer), it.Now + TimeSpan.FromSeconds(1));
            // The old epoch only receives.
            Assert.Equal(before + 1, PacketKey.Live);
            it.Now += TimeSpan.FromSeconds(1);
            PlaneHarness.WaitFor(() => PacketKey.Live == before);

            it.Peer.Send(second, 0, PlaneHarness.Inward(3));
            it.Settle();
            Assert.Equal(before + 1, PacketKey.Live);
            it.Plane.Unbind(PlaneHarness.Session);
            Assert.Equal(before, PacketKey.Live);
            EpochKeys third = it.Bound(3);
            it.Peer.Send(third, 0, PlaneHarness.Inward(4));
            it.Settle();
            it.Plane.CloseSession(PlaneHarness.Session);
            Assert.Equal(before, PacketKey.Live);
            it.Plane.OpenSession(PlaneHarness.Session, PlaneHarness.Prefixes("10.9.0.2/32"), 1420);
            EpochKeys fourth = it.Bound(4);
            it.Peer.Send(fourth, 0, PlaneHarness.Inward(5));
            it.Settle();
            Assert.Equal(before + 1, PacketKey.Live);
        }
        Assert.Equal(before, PacketKey.Live);
    }
}
