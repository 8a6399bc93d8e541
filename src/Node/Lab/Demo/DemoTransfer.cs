using System.Net.Sockets;
using JumpingVpn.Node.Lab.Probes;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>
/// One TCP connection through the tunnel that carries a known sequence of bytes at some 1.6 MB/s, and a receiver that checks every
/// byte.
/// </summary>
internal sealed class DemoTransfer : IDisposable
{
    private const int Port = 47003;
    private const int BlockSize = 16 * 1024;
    private const int PollMilliseconds = 50;

    private readonly Socket client;
    private readonly Socket gateway;
    private readonly byte[] block = new byte[BlockSize];
    private Thread? sender;
    private Thread? receiver;
    private long received;
    private long lastArrival;
    private volatile bool running = true;
    private volatile bool broken;

    private DemoTransfer(Socket client, Socket gateway)
    {
        this.client = client;
        this.gateway = gateway;
        // A period that is prime to the block: a block lost or repeated shows.
        for (int index = 0; index < block.Length; index++) block[index] = (byte)(index % 251);
    }

    /// <summary>Bytes that arrived, all of them right and in order.</summary>
    public long Received => Volatile.Read(ref received);

    public long LastArrival => Volatile.Read(ref lastArrival);

    /// <summary>The connection was reset or closed, or a byte was wrong.</summary>
    public bool Broken => broken;

    /// <summary>Waits up to <paramref name="limit"/> for a tunnel that carries the connection.</summary>
    public static DemoTransfer Start(ProbeOptions options, TimeSpan limit)
    {
        (Socket client, Socket gateway) = ProbeConnection.Open(options, Port, limit);
        var transfer = new DemoTransfer(client, gateway);
        transfer.receiver = ProbeThread.Start("transfer in", transfer.ReceiveLoop);
        transfer.sender = ProbeThread.Start("transfer out", () => ProbeThread.Pace(LabClock.Now, ProbeOptions.PeriodNanoseconds, _ => transfer.SendBlock()));
        return transfer;
    }

    public void Dispose()
    {
        running = false;
        sender?.Join();
        receiver?.Join();
        client.Dispose();
        gateway.Dispose();
    }

    private bool SendBlock()
    {
        ReadOnlySpan<byte> rest = block;
        while (rest.Length > 0)
        {
            if (!running || broken) return false;
            int taken = LabNative.TrySend(client.SafeHandle, rest);
            if (taken > 0) rest = rest[taken..];
            else LabNative.WaitWritable(client.SafeHandle, PollMilliseconds);
        }

        return true;
    }

    private void ReceiveLoop()
    {
        byte[] buffer = new byte[4 * BlockSize];
        while (running && !broken)
        {
            if (!LabNative.WaitReadable(gateway.SafeHandle, PollMilliseconds)) continue;
            int count = LabNative.TryReceive(gateway.SafeHandle, buffer);
            if (count <= 0 || !IsExpected(buffer.AsSpan(0, count)))
            {
                broken = running;
                return;
            }

            Volatile.Write(ref received, received + count);
            Volatile.Write(ref lastArrival, LabClock.Now);
        }
    }

    private bool IsExpected(ReadOnlySpan<byte> bytes)
    {
        int position = (int)(received % BlockSize);
        while (bytes.Length > 0)
        {
            int length = Math.Min(bytes.Length, BlockSize - position);
            if (!bytes[..length].SequenceEqual(block.AsSpan(position, length))) return false;
            bytes = bytes[length..];
            position = 0;
        }

        return true;
    }
}
