using System.Net;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Linux.Netlink;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench;

/// <summary>One end of a <see cref="DataPlaneTunnel"/>, a process of its own: the keys are constants, for measuring only.</summary>
internal static class DataPlaneEnd
{
    /// <summary>The (unlisted) command that runs it: number, local and remote address, cipher's implementation.</summary>
    public const string CommandName = "dataplane-end";

    /// <summary>What it says when it carries packets.</summary>
    public const string Ready = "carrying packets";

    private const string Device = "jump0";
    private const int Mtu = 1420;
    private const int Port = 51830;
    private const int Socket = 1;
    private const uint Index = 1;

    public static string InnerAddress(int number) => $"10.9.0.{number + 1}";

    /// <summary>Runs until the process is killed.</summary>
    public static int Run(int number, string local, string remote, string cipher)
    {
        PacketCipherSelector ciphers = PacketCipherSelector.Select(cipher).IfLeft(error => throw new LabException(error));
        using TunDevice tun = TunDevice.Create(new(Device) { Mtu = Mtu, MaxSegments = DataPlane.MaxSegments(Mtu) });
        tun.BringUp();
        using (RouteNetlink netlink = RouteNetlink.Open()) netlink.ReplaceAddress(tun.InterfaceIndex, Prefix(InnerAddress(number) + "/24"));
        using UdpSocket socket = UdpSocket.Open(new(Endpoint.From(IPAddress.Parse(local), Port)));
        using var secrets = new SecretArena();
        using var plane = new DataPlane(new()
        {
            Tun = tun.Descriptor,
            UdpSegmentation = tun.Offload.HasFlag(TunOffload.Udp4),
            Secrets = secrets,
            Ciphers = ciphers,
            Clock = BootClock.Now,
            Events = new Silent(),
        });
        byte[][] keys = [new byte[SecretArena.SecretSize], new byte[SecretArena.SecretSize]];
        keys[1][0] = 1;
        var session = new SessionId(1);
        var transport = new TransportAddress(Socket, default, Endpoint.From(IPAddress.Parse(remote), Port));
        var traffic = new TrafficKeys(CipherSuite.Aes256Gcm, secrets.Store(keys[number]), secrets.Store(keys[1 - number]), Index, Index);
        plane.AddSocket(Socket, socket.Descriptor, isIPv6: false);
        plane.OpenSession(session, [Prefix("10.9.0.0/24")], Mtu);
        plane.InstallEpoch(session, traffic, transport, held: false);
        plane.Bind(session, Index, transport, Instant.Never);
        Console.WriteLine($"{Ready}: {ciphers.Description}");
        throw plane.Failed.GetAwaiter().GetResult();
    }

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new ArgumentException(text);

    private sealed class Silent : IDataPlaneEvents
    {
        public ControlVerdict ControlDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant received) => ControlVerdict.Taken;

        public void ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame)
        {
        }

        public void UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source)
        {
        }

        public void TrafficResumed(SessionId session)
        {
        }

        public void EpochHeard(SessionId session, uint localIndex)
        {
        }

        public void SendFailed(int socket, int errno)
        {
        }
    }
}
