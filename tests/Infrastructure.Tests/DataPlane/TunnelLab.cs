using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using Plane = JumpingVpn.Infrastructure.DataPlane.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>
/// Two data planes with static keys, each with a real TUN device in a network namespace of its own, joined by a veth pair: 10.9.0.1 and
/// fd09::1 on the left, .2 and ::2 on the right; outside 192.0.2.1 and 192.0.2.2, or 2001:db8::1 and ::2.
/// </summary>
internal sealed class TunnelLab : IDisposable
{
    public const int Mtu = 1420;
    private const int Port = 51830;

    public TunnelLab(bool offload = true, bool outerIPv6 = false, string? cipher = null)
    {
        NetworkNamespace.Connect(Left.Namespace, "dp0", Right.Namespace, "dp1");
        Left.Namespace.Execute("ip addr add 192.0.2.1/24 dev dp0");
        Right.Namespace.Execute("ip addr add 192.0.2.2/24 dev dp1");
        Left.Namespace.Execute("ip addr add 2001:db8::1/64 dev dp0 nodad");
        Right.Namespace.Execute("ip addr add 2001:db8::2/64 dev dp1 nodad");
        byte[] leftToRight = RandomNumberGenerator.GetBytes(32), rightToLeft = RandomNumberGenerator.GetBytes(32);
        string left = outerIPv6 ? "2001:db8::1" : "192.0.2.1", right = outerIPv6 ? "2001:db8::2" : "192.0.2.2";
        Left.Start("1", left, right, leftToRight, rightToLeft, offload, cipher);
        Right.Start("2", right, left, rightToLeft, leftToRight, offload, cipher);
        // A link that has just come up drops what is sent before the kernel has noticed that it is up.
        PlaneHarness.WaitFor(() => Answers("10.9.0.2") && Answers("fd09::2"));

        bool Answers(string address)
        {
            try
            {
                Left.Namespace.Execute($"ping -c 1 -W 1 {address}");
                return true;
            }
            catch (LinuxException)
            {
                return false;
            }
        }
    }

    /// <summary>What both ends dropped, for a failed test's message.</summary>
    public string Drops => string.Join(", ", new[] { Left, Right }.SelectMany(node => Enum.GetValues<DropReason>()
        .Where(reason => node.Plane.Drops(reason) != 0)
        .Select(reason => $"{(node == Left ? "left" : "right")} {reason} {node.Plane.Drops(reason)}")));

    public Node Left { get; } = new();

    public Node Right { get; } = new();

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    /// <summary>One end.</summary>
    internal sealed class Node : IDisposable
    {
        private readonly SecretArena _secrets = new();
        private UdpSocket? _socket;

        public NetworkNamespace Namespace { get; } = NetworkNamespace.CreateUnnamed();

        public RecordingEvents Events { get; } = new();

        public Plane Plane { get; private set; } = null!;

        public TunDevice Tun { get; private set; } = null!;

        public static SessionId Session { get; } = new(7);

        public void Start(string number, string local, string remote, byte[] send, byte[] receive, bool offload, string? cipher)
        {
            PacketCipherSelector ciphers = PacketCipherSelector.Select(cipher).IfLeft(error => throw new InvalidOperationException(error));
            Endpoint.TryParse(At(local), out Endpoint from);
            Endpoint.TryParse(At(remote), out Endpoint to);
            Namespace.Run(() =>
            {
                Tun = TunDevice.Create(new("jump0") { Mtu = Mtu, Offload = offload, MaxSegments = Plane.MaxSegments(Mtu) });
                _socket = UdpSocket.Open(new(from));
                Tun.BringUp();
            });
            Namespace.Execute($"ip addr add 10.9.0.{number}/24 dev jump0");
            Namespace.Execute($"ip addr add fd09::{number}/64 dev jump0 nodad");
            Plane = new(new()
            {
                Tun = Tun.Descriptor,
                UdpSegmentation = Tun.Offload.HasFlag(TunOffload.Udp4),
                Secrets = _secrets,
                Ciphers = ciphers,
                Clock = BootClock.Now,
                Events = Events,
            });
            var transport = new TransportAddress(1, default, to);
            Plane.AddSocket(1, _socket!.Descriptor, !from.IsIPv4);
            Plane.OpenSession(Session, PlaneHarness.Prefixes("10.9.0.0/24", "fd09::/64"), Mtu);
            Plane.InstallEpoch(Session, new(CipherSuite.Aes256Gcm, _secrets.Store(send), _secrets.Store(receive), 1, 1), transport, held: false);
            Plane.Bind(Session, 1, transport, Instant.Never);
        }

        public void Dispose()
        {
            Plane?.Dispose();
            Tun?.Dispose();
            _socket?.Dispose();
            Namespace.Dispose();
            _secrets.Dispose();
        }

        private static string At(string address) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{Port}" : $"{address}:{Port}";
    }
}
