using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>One packet of a session that a cluster's node let out.</summary>
/// <param name="At">Taken by the kernel, in nanoseconds of the wall clock: one clock for both sides.</param>
/// <param name="Node">1 or 2.</param>
/// <param name="Inside">True: an inner packet that its process wrote to the tunnel device. False: a data packet to the client.</param>
public readonly record struct Delivery(long At, int Node, bool Inside);

/// <summary>Packets of one node that no other node's packet interrupts.</summary>
public sealed record DeliveryTurn(int Node, long From, long Until, int Packets);

/// <summary>
/// Looks at both nodes of a cluster, in their own namespaces, and tells which one delivered what and when: inner packets of the client as its
/// process writes them to its tunnel device, and data packets as it sends them. What the network does to a packet afterwards does not count,
/// nor do a node's own errors (ICMP), which speak in the name of a client that it does not serve.
/// That no two nodes ever deliver for one session shows as turns: each node's packets stand together.
/// </summary>
public sealed class DeliveryWatch : IDisposable
{
    private const int PollMilliseconds = 20;
    private const int Capacity = 1 << 18;

    /// <summary>ETH_P_IP in network byte order: only what comes in is seen with it, a node's own writes among that (packet(7)).</summary>
    private const int Incoming = 0x0008;

    /// <summary>ETH_P_ALL in network byte order: also what goes out.</summary>
    private const int Everything = 0x0300;
    private const int InternetHeader = 20;
    private const int UdpHeader = 8;
    private const byte Tcp = 6;
    private const byte Udp = 17;

    private readonly Watch[] watches;

    private DeliveryWatch(Watch[] watches) => this.watches = watches;

    /// <param name="port">The nodes' port.</param>
    /// <param name="clientAddress">The client's address inside the tunnel.</param>
    public static DeliveryWatch Start(LabTopology topology, int port, IPAddress clientAddress)
    {
        byte[] client = clientAddress.GetAddressBytes();
        return new DeliveryWatch([.. Enumerable.Range(1, 2).SelectMany(node =>
        {
            byte[] outside = IPAddress.Parse(LabNetwork.Node4(node)).GetAddressBytes();
            return (Watch[])[
                new(node, true, topology.NodeAt(node), Incoming, packet => IsFrom(packet, client) && packet[9] is Tcp or Udp),
                new(node, false, topology.NodeAt(node), Everything, packet => IsFrom(packet, outside) && IsData(packet, port))];
        })]);
    }

    /// <summary>Now, on the clock of <see cref="Delivery.At"/>.</summary>
    public static long Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    /// <summary>All deliveries so far, in their order.</summary>
    public IReadOnlyList<Delivery> Deliveries() => [.. watches.SelectMany(watch => watch.Seen()).OrderBy(delivery => delivery.At)];

    /// <summary>The deliveries of both sides so far, as turns.</summary>
    public IReadOnlyList<DeliveryTurn> Turns() => TurnsOf(Deliveries());

    /// <summary>Deliveries in their order, as turns.</summary>
    public static IReadOnlyList<DeliveryTurn> TurnsOf(IEnumerable<Delivery> deliveries)
    {
        List<DeliveryTurn> turns = [];
        foreach (Delivery delivery in deliveries)
        {
            if (turns is [.., DeliveryTurn last] && last.Node == delivery.Node) turns[^1] = last with { Until = delivery.At, Packets = last.Packets + 1 };
            else turns.Add(new DeliveryTurn(delivery.Node, delivery.At, delivery.At, 1));
        }

        return turns;
    }

    public void Dispose()
    {
        foreach (Watch watch in watches) watch.Dispose();
    }

    private static bool IsFrom(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> source) =>
        packet.Length >= InternetHeader && packet[0] >> 4 == 4 && packet[12..16].SequenceEqual(source);

    private static bool IsData(ReadOnlySpan<byte> packet, int port)
    {
        int header = (packet[0] & 15) * 4;
        return packet[9] == Udp && packet.Length > header + UdpHeader
            && BinaryPrimitives.ReadUInt16BigEndian(packet[header..]) == port && packet[header + UdpHeader] == (byte)MessageType.Data;
    }

    private delegate bool Matches(ReadOnlySpan<byte> packet);

    /// <summary>One packet socket and the thread that empties it.</summary>
    private sealed class Watch : IDisposable
    {
        private readonly int node;
        private readonly bool inside;
        private readonly Socket socket;
        private readonly Matches matches;
        private readonly long[] seen = new long[Capacity];
        private readonly Thread thread;
        private int count;
        private volatile bool running = true;

        /// <param name="protocol">What the kernel shows; a packet begins with its IP header.</param>
        public Watch(int node, bool inside, LabNamespace space, int protocol, Matches matches)
        {
            this.node = node;
            this.inside = inside;
            this.matches = matches;
            socket = space.Run(() => new Socket(AddressFamily.Packet, SocketType.Dgram, (ProtocolType)protocol));
            socket.ReceiveBufferSize = 1 << 22;
            // The first question makes the kernel stamp packets.
            LabNative.TryStamp(socket.SafeHandle, out _);
            thread = ProbeThread.Start($"{space.Name} watch", Loop);
        }

        public IEnumerable<Delivery> Seen() => seen.Take(Volatile.Read(ref count)).Select(at => new Delivery(at, node, inside));

        public void Dispose()
        {
            running = false;
            thread.Join();
            socket.Dispose();
        }

        private void Loop()
        {
            byte[] packet = new byte[65536];
            while (running)
            {
                if (!LabNative.WaitReadable(socket.SafeHandle, PollMilliseconds)) continue;
                int length = LabNative.TryReceive(socket.SafeHandle, packet);
                if (length <= 0 || !matches(packet.AsSpan(0, length)) || count == Capacity || !LabNative.TryStamp(socket.SafeHandle, out long at)) continue;
                seen[count] = at;
                Volatile.Write(ref count, count + 1);
            }
        }
    }
}
