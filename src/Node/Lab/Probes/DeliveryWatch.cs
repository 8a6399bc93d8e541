using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>One packet of a session that a cluster's node let out.</summary>
/// <param name="At">Taken by the kernel, in nanoseconds of the wall clock: one clock for both sides.</param>
/// <param name="Node">1 or 2.</param>
/// <param name="Inside">True: an inner packet that came out behind the node. False: a data packet to the client.</param>
public readonly record struct Delivery(long At, int Node, bool Inside);

/// <summary>Packets of one node that no other node's packet interrupts.</summary>
public sealed record DeliveryTurn(int Node, long From, long Until, int Packets);

/// <summary>
/// Looks at both sides of a cluster, in the client's and the server's namespace, and tells which node delivered what and when. That no two
/// nodes ever deliver for one session shows as turns: each node's packets stand together.
/// </summary>
public sealed class DeliveryWatch : IDisposable
{
    private const int PollMilliseconds = 20;
    private const int Capacity = 1 << 18;

    /// <summary>ETH_P_IP in network byte order: only what comes in is seen with it (packet(7)).</summary>
    private const int InternetProtocol = 0x0008;
    private const int EthernetHeader = 14;
    private const int InternetHeader = 20;
    private const byte Udp = 17;

    private readonly Watch client;
    private readonly Watch server;

    private DeliveryWatch(Watch client, Watch server)
    {
        this.client = client;
        this.server = server;
    }

    /// <param name="port">The nodes' port.</param>
    /// <param name="clientAddress">The client's address inside the tunnel.</param>
    public static DeliveryWatch Start(LabTopology topology, int port, IPAddress clientAddress)
    {
        byte[] inner = clientAddress.GetAddressBytes();
        var client = new Watch("client", topology.Client, SocketType.Dgram, packet => FromNode(packet, port));
        var server = new Watch("server", topology.Server, SocketType.Raw, packet => BehindNode(packet, inner));
        return new DeliveryWatch(client, server);
    }

    /// <summary>Now, on the clock of <see cref="Delivery.At"/>.</summary>
    public static long Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;

    /// <summary>All deliveries so far, in their order.</summary>
    public IReadOnlyList<Delivery> Deliveries() =>
        [.. client.Seen().Select(seen => new Delivery(seen.At, seen.Node, Inside: false)).Concat(server.Seen().Select(seen => new Delivery(seen.At, seen.Node, Inside: true)))
            .OrderBy(delivery => delivery.At)];

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
        client.Dispose();
        server.Dispose();
    }

    /// <summary>The node that sent a data packet to the client; 0 for anything else. The packet begins with its IPv4 header.</summary>
    private static int FromNode(ReadOnlySpan<byte> packet, int port)
    {
        int header = HeaderLength(packet);
        return header > 0 && packet[9] == Udp && packet.Length > header + 8
            && BinaryPrimitives.ReadUInt16BigEndian(packet[header..]) == port
            && packet[header + 8] == (byte)MessageType.Data
            && packet[12..15].SequenceEqual((ReadOnlySpan<byte>)[192, 0, 2]) && packet[15] is 1 or 2
            ? packet[15]
            : 0;
    }

    /// <summary>The node that passed an inner packet of the client on, told by its hardware address. The packet begins with its Ethernet header.</summary>
    private static int BehindNode(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> client)
    {
        if (frame.Length < EthernetHeader + InternetHeader) return 0;
        ReadOnlySpan<byte> packet = frame[EthernetHeader..];
        return HeaderLength(packet) > 0 && packet[12..16].SequenceEqual(client) && frame[11] is 1 or 2 ? frame[11] : 0;
    }

    private static int HeaderLength(ReadOnlySpan<byte> packet) =>
        packet.Length >= InternetHeader && packet[0] >> 4 == 4 ? (packet[0] & 15) * 4 : 0;

    private delegate int Classify(ReadOnlySpan<byte> packet);

    /// <summary>One packet socket and the thread that empties it.</summary>
    private sealed class Watch : IDisposable
    {
        private readonly Socket socket;
        private readonly Classify classify;
        private readonly (long At, int Node)[] seen = new (long, int)[Capacity];
        private readonly Thread thread;
        private int count;
        private volatile bool running = true;

        public Watch(string name, LabNamespace space, SocketType type, Classify classify)
        {
            this.classify = classify;
            socket = space.Run(() => new Socket(AddressFamily.Packet, type, (ProtocolType)InternetProtocol));
            socket.ReceiveBufferSize = 1 << 22;
            // The first question makes the kernel stamp packets.
            LabNative.TryStamp(socket.SafeHandle, out _);
            thread = ProbeThread.Start(name + " watch", Loop);
        }

        public IEnumerable<(long At, int Node)> Seen() => seen.Take(Volatile.Read(ref count));

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
                if (length <= 0 || classify(packet.AsSpan(0, length)) is not (> 0 and int node)) continue;
                if (count == Capacity || !LabNative.TryStamp(socket.SafeHandle, out long at)) continue;
                seen[count] = (at, node);
                Volatile.Write(ref count, count + 1);
            }
        }
    }
}
