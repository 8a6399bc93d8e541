using System.Globalization;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Netlink;
using static JumpingVpn.Infrastructure.Tests.Linux.Addresses;

namespace JumpingVpn.Infrastructure.Tests.Linux;

public sealed class TunDeviceTests
{
    [PrivilegedFact]
    public void A_device_appears_with_its_settings_and_vanishes_with_its_descriptor()
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        ns.Run(() =>
        {
            using TunDevice device = TunDevice.Create(new("jump0") { Mtu = 1380, MaxSegments = 45 });
            string shown = ns.Execute("ip -details link show dev jump0");
            Assert.Contains("mtu 1380", shown, StringComparison.Ordinal);
            Assert.Contains("tun type tun", shown, StringComparison.Ordinal);
            Assert.Contains("persist off", shown, StringComparison.Ordinal);
            Assert.Contains("vnet_hdr on", shown, StringComparison.Ordinal);
            Assert.Equal(45, device.MaxSegments);
            Assert.Contains("gso_max_segs 45", shown, StringComparison.Ordinal);
            Assert.Equal(device.InterfaceIndex, int.Parse(shown.Split(':')[0], CultureInfo.InvariantCulture));

            device.SetMtu(1300);
            device.BringUp();
            Assert.Contains("mtu 1300", ns.Execute("ip link show dev jump0 up"), StringComparison.Ordinal);

            device.Dispose();
            Assert.DoesNotContain("jump0", ns.Execute("ip link show"), StringComparison.Ordinal);
        });
    }

    [PrivilegedFact]
    public void Offload_is_granted_as_far_as_the_kernel_goes_and_can_be_left_out()
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        ns.Run(() =>
        {
            using TunDevice with = TunDevice.Create(new("jump0"));
            using TunDevice without = TunDevice.Create(new("jump1") { Offload = false });
            Assert.True(with.Offload.HasFlag(TunOffload.Checksum | TunOffload.Tcp4 | TunOffload.Tcp6));
            Assert.Equal(TunOffload.None, without.Offload);
        });
    }

    [PrivilegedFact]
    public void Packets_go_both_ways_behind_their_ten_byte_header_and_none_comes_unasked()
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        ns.Run(() =>
        {
            using TunDevice device = TunDevice.Create(new("jump0"));
            device.BringUp();
            using RouteNetlink netlink = RouteNetlink.Open();
            netlink.ReplaceAddress(device.InterfaceIndex, Prefix("10.77.0.2/24"));
            byte[] packet = new byte[2000];
            Assert.True(Read(device, packet) < 0, "a packet was there before one was sent");

            using UdpSocket socket = UdpSocket.Open(new(At("10.77.0.2")));
            _ = socket.TrySendTo(At("10.77.0.1", 7777), null, "hello"u8);
            int length = 0;
            Waiting.Until("a packet from the device", () => (length = Read(device, packet)) > 0);
            Assert.Equal(TunDevice.HeaderSize + 20 + 8 + 5, length);
            Assert.Equal(0x45, packet[TunDevice.HeaderSize]);

            // The same packet with its ends exchanged is an answer. Exchanging them leaves both checksums as they are.
            Span<byte> ip = packet.AsSpan(TunDevice.HeaderSize);
            Exchange(ip, 12, 16, 4);
            Exchange(ip, 20, 22, 2);
            Assert.Equal(length, Write(device, packet, length));
            byte[] buffer = new byte[100];
            ReceivedDatagram answer = Waiting.Receive(socket, buffer);
            Assert.Equal(At("10.77.0.1", 7777), answer.Remote);
            Assert.Equal("hello"u8.ToArray(), buffer[..answer.Length]);
        });
    }

    [PrivilegedFact]
    public void A_name_in_use_is_refused_and_its_device_left_alone()
    {
        using NetworkNamespace ns = NetworkNamespace.CreateUnnamed();
        ns.Run(() =>
        {
            using TunDevice first = TunDevice.Create(new("jump0"));
            LinuxException error = Assert.Throws<LinuxException>(() => TunDevice.Create(new("jump0")));
            Assert.Equal(
                "create TUN device jump0: Device or resource busy (EBUSY); "
                + "the name is in use: choose another, or end the program that holds it",
                error.Message);
            ns.Execute("ip tuntap add dev keep0 mode tun");
            Assert.Throws<LinuxException>(() => TunDevice.Create(new("keep0")));
            using (TunDevice taken = TunDevice.Create(new("keep0") { TakeExisting = true })) Assert.True(taken.InterfaceIndex > 0);
            Assert.Contains("keep0", ns.Execute("ip link show"), StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("a-name-of-16-chr", "is longer than 15 bytes")]
    [InlineData("jump%d", "may hold only printable ASCII without space, '/', ':' and '%'")]
    [InlineData("a/b", "may hold only printable ASCII without space, '/', ':' and '%'")]
    [InlineData("..", "is not an interface name")]
    public void A_name_that_is_none_is_refused_before_the_kernel_is_asked(string name, string reason)
    {
        LinuxException error = Assert.Throws<LinuxException>(() => TunDevice.Create(new(name)));
        Assert.Equal($"TUN device name '{name}' {reason}", error.Message);
    }

    private static unsafe int Read(TunDevice device, byte[] packet)
    {
        fixed (byte* bytes = packet) return (int)Libc.read(device.Descriptor, bytes, (nuint)packet.Length);
    }

    private static unsafe int Write(TunDevice device, byte[] packet, int length)
    {
        fixed (byte* bytes = packet) return (int)Libc.write(device.Descriptor, bytes, (nuint)length);
    }

    private static void Exchange(Span<byte> bytes, int left, int right, int size)
    {
        for (int i = 0; i < size; i++) (bytes[left + i], bytes[right + i]) = (bytes[right + i], bytes[left + i]);
    }
}
