using System.Buffers.Binary;
using System.Net.Sockets;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>One end of the TCP connection: sends numbered 100-byte messages at the period and logs the other end's.</summary>
internal sealed class TcpProbe : IDisposable
{
    public const int Port = 47002;
    private const int PollMilliseconds = 50;

    private readonly Socket socket;
    private Thread? sender;
    private Thread? receiver;
    private int sent;
    private volatile bool sending;
    private volatile bool running = true;
    private volatile bool broken;

    public TcpProbe(Socket connected, int capacity)
    {
        socket = connected;
        socket.NoDelay = true;
        Arrivals = new ArrivalLog(capacity);
    }

    public ArrivalLog Arrivals { get; }

    /// <summary>Messages handed to the kernel, counted from 0 without a gap.</summary>
    public int Sent => Volatile.Read(ref sent);

    /// <summary>The connection was reset or closed, or delivered bytes that the other end did not send in this order.</summary>
    public bool Broken => broken;

    public void StartReceiving(string name) => receiver = ProbeThread.Start(name + " tcp in", ReceiveLoop);

    public void StartSending(string name, long start)
    {
        sending = true;
        sender = ProbeThread.Start(name + " tcp out", () => ProbeThread.Pace(start, ProbeOptions.PeriodNanoseconds, _ => sending && SendNext()));
    }

    /// <summary>Sends one message now; only while no sender runs.</summary>
    public void SendOnce() => SendNext();

    public void StopSending()
    {
        sending = false;
        sender?.Join();
        sender = null;
    }

    public void Dispose()
    {
        running = false;
        StopSending();
        receiver?.Join();
        socket.Dispose();
    }

    /// <summary>Hands one whole message to the kernel. False when the connection is broken or the probe stops.</summary>
    private bool SendNext()
    {
        Span<byte> message = stackalloc byte[ProbeOptions.MessageSize];
        message.Clear();
        BinaryPrimitives.WriteInt64BigEndian(message, sent);
        ReadOnlySpan<byte> rest = message;
        while (rest.Length > 0)
        {
            int taken = LabNative.TrySend(socket.SafeHandle, rest);
            if (taken > 0) rest = rest[taken..];
            else if (broken || !running) return false;
            else if (!LabNative.WaitWritable(socket.SafeHandle, PollMilliseconds) && !sending) return false;
        }

        Volatile.Write(ref sent, sent + 1);
        return true;
    }

    private void ReceiveLoop()
    {
        Span<byte> buffer = stackalloc byte[ProbeOptions.MessageSize * 64];
        int held = 0;
        long expected = 0;
        while (running && !broken)
        {
            if (!LabNative.WaitReadable(socket.SafeHandle, PollMilliseconds)) continue;
            int received = LabNative.TryReceive(socket.SafeHandle, buffer[held..]);
            if (received <= 0)
            {
                broken = true;
                return;
            }

            held += received;
            long now = LabClock.Now;
            int used = 0;
            for (; held - used >= ProbeOptions.MessageSize; used += ProbeOptions.MessageSize)
            {
                long sequence = BinaryPrimitives.ReadInt64BigEndian(buffer[used..]);
                if (sequence != expected++)
                {
                    broken = true;
                    return;
                }

                Arrivals.Record(sequence, now);
            }

            buffer[used..held].CopyTo(buffer);
            held -= used;
        }
    }
}
