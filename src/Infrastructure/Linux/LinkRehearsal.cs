using System.Runtime.InteropServices;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Linux.Netlink;
using static JumpingVpn.Infrastructure.Linux.Netlink.NetlinkNumbers;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// Takes an invented uplink through its life, from appearing to being removed, so that the code that judges the first real loss of an
/// uplink is compiled before it is needed. Cold, that first verdict took 4 to 16 ms; nothing but time comes of it.
/// </summary>
internal static class LinkRehearsal
{
    private const int Index = int.MaxValue;
    private const int RequestSize = 128;

    /// <summary>Applies one netlink datagram to a snapshot.</summary>
    public delegate (NetworkSnapshot Network, bool AffectsRoutes) Step(NetworkSnapshot network, ReadOnlySpan<byte> datagram);

    public static void Play(Step apply)
    {
        NetworkSnapshot network = NetworkSnapshot.Empty;
        Show(Link(RTM_NEWLINK, IFF_UP | IFF_RUNNING | IFF_LOWER_UP));
        Show(Address(RTM_NEWADDR));
        network = network.WithDefaultRoutes([new(Index, true, 0, UInt128.Zero)]);
        Show(Route());
        Show(Link(RTM_NEWLINK, 0));
        Show(Address(RTM_DELADDR));
        Show(Link(RTM_DELLINK, 0));

        void Show(ReadOnlySpan<byte> datagram)
        {
            NetworkSnapshot before = network;
            (network, _) = apply(network, datagram);
            _ = network.ChangesSince(before).IsEmpty;
            _ = UplinkInventory.Select(network, new([], []));
            _ = UplinkInventory.Select(network, new(["rehearsal"], []));
        }
    }

    private static ReadOnlySpan<byte> Link(ushort type, uint flags)
    {
        var writer = new NetlinkWriter(new byte[RequestSize], type, 0);
        Span<byte> header = writer.Header(16);
        MemoryMarshal.Write(header[4..], Index);
        MemoryMarshal.Write(header[8..], flags);
        writer.Add(IFLA_IFNAME, "rehearsal");
        writer.Add(IFLA_MTU, 1500u);
        return writer.Finish();
    }

    private static ReadOnlySpan<byte> Address(ushort type)
    {
        var writer = new NetlinkWriter(new byte[RequestSize], type, 0);
        Span<byte> header = writer.Header(8);
        header[0] = Libc.AF_INET;
        header[1] = 24;
        MemoryMarshal.Write(header[4..], Index);
        // 192.0.2.0/24 is for documentation (RFC 5737).
        writer.Add(IFA_LOCAL, Endpoint.FromIPv4(0xC0000201, 0).Address, true);
        writer.Add(IFA_FLAGS, 0u);
        return writer.Finish();
    }

    private static ReadOnlySpan<byte> Route()
    {
        var writer = new NetlinkWriter(new byte[RequestSize], RTM_NEWROUTE, 0);
        Span<byte> header = writer.Header(12);
        header[0] = Libc.AF_INET;
        header[4] = (byte)RT_TABLE_MAIN;
        header[7] = RTN_UNICAST;
        writer.Add(RTA_OIF, (uint)Index);
        writer.Add(RTA_PRIORITY, 100u);
        return writer.Finish();
    }
}
