using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>One end of the datagram stream: sends numbered datagrams at the period and logs the other end's.</summary>
internal sealed class UdpProbe : IDisposable
{
    public const int Port = 47001;
    private const int PollMilliseconds = 50;

    private readonly Socket socket;
    private readonly long[] sentAt;
    private Thread? sender;
    private Thread? receiver;
    private int sent;
    private volatile bool sending;
    private volatile bool receiving;

    public UdpProbe(LabNamespace space, IPEndPoint local, int capacity)
    {
        socket = space.Run(() => Bound(local));
        sentAt = new long[capacity];
        Arrivals = new ArrivalLog(capacity);
    }

    /// <summary>What this end received.</summary>
    public ArrivalLog Arrivals { get; }

    /// <summary>Datagrams that this end tried to send, those that its own kernel refused included.</summary>
    public int Sent => Volatile.Read(ref sent);

    /// <summary>Names the other end; before that nothing can be sent.</summary>
    public void Connect(IPEndPoint remote) => socket.Connect(remote);

    /// <summary>Waits for a first datagram and takes its source for the other end; false when none comes.</summary>
    public bool AwaitPeer(TimeSpan limit)
    {
        if (!LabNative.WaitReadable(socket.SafeHandle, (int)limit.TotalMilliseconds)) return false;
        EndPoint source = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        socket.ReceiveFrom(new byte[ProbeOptions.MessageSize], ref source);
        socket.Connect(source);
        return true;
    }

    /// <summary>One datagram with no number, to open the way; the log ignores it.</summary>
    public void SendHello() => SendNumber(-1);

    public void StartReceiving(string name)
    {
        receiving = true;
        receiver = ProbeThread.Start(name + " udp in", ReceiveLoop);
    }

    /// <summary>Sends every datagram back instead of logging it: with a sender on the other end, a ping.</summary>
    public void StartEchoing(string name)
    {
        receiving = true;
        receiver = ProbeThread.Start(name + " udp echo", EchoLoop);
    }

    public void StartSending(string name, long start)
    {
        sending = true;
        sender = ProbeThread.Start(name + " udp out", () => ProbeThread.Pace(start, ProbeOptions.PeriodNanoseconds, SendOne));
    }

    public void StopSending()
    {
        sending = false;
        sender?.Join();
    }

    public void StopReceiving()
    {
        receiving = false;
        receiver?.Join();
    }

    /// <summary>The numbers sent between two moments: the first, and the one after the last.</summary>
    public (int First, int End) SentBetween(long from, long until)
    {
        int first = 0;
        while (first < sent && sentAt[first] < from) first++;
        int end = first;
        while (end < sent && sentAt[end] <= until) end++;
        return (first, end);
    }

    public void Dispose()
    {
        StopSending();
        StopReceiving();
        socket.Dispose();
    }

    private static Socket Bound(IPEndPoint local)
    {
        var socket = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20 };
        socket.Bind(local);
        return socket;
    }

    private bool SendOne(int sequence)
    {
        if (!sending || sequence >= sentAt.Length) return false;
        sentAt[sequence] = LabClock.Now;
        Volatile.Write(ref sent, sequence + 1);
        SendNumber(sequence);
        return true;
    }

    /// <summary>A refusal by the kernel (no route, no device) is a lost packet like any other.</summary>
    private void SendNumber(long sequence)
    {
        Span<byte> datagram = stackalloc byte[ProbeOptions.MessageSize];
        datagram.Clear();
        BinaryPrimitives.WriteInt64BigEndian(datagram, sequence);
        LabNative.TrySend(socket.SafeHandle, datagram);
    }

    private void EchoLoop()
    {
        Span<byte> datagram = stackalloc byte[ProbeOptions.MessageSize];
        while (receiving)
        {
            if (!LabNative.WaitReadable(socket.SafeHandle, PollMilliseconds)) continue;
            int received = LabNative.TryReceive(socket.SafeHandle, datagram);
            if (received > 0) LabNative.TrySend(socket.SafeHandle, datagram[..received]);
        }
    }

    private void ReceiveLoop()
    {
        Span<byte> datagram = stackalloc byte[ProbeOptions.MessageSize];
        while (receiving)
        {
            if (!LabNative.WaitReadable(socket.SafeHandle, PollMilliseconds)) continue;
            if (LabNative.TryReceive(socket.SafeHandle, datagram) != datagram.Length) continue;
            long sequence = BinaryPrimitives.ReadInt64BigEndian(datagram);
            if (sequence >= 0) Arrivals.Record(sequence, LabClock.Now);
        }
    }
}
