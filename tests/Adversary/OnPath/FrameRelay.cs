using System.Diagnostics;

namespace JumpingVpn.Adversary.OnPath;

/// <summary>Which way a frame goes.</summary>
public enum Towards
{
    Gateway,
    Client,
}

/// <summary>
/// An attacker on the path: a wire between two devices whose frames pass through its hands. What is not UDP passes as it is; each
/// datagram is given to a rule, which forwards it, or does not, or does something else. Knows no key.
/// </summary>
public sealed class FrameRelay : IDisposable
{
    private readonly PacketSocket _client;
    private readonly PacketSocket _gateway;
    private readonly Thread _thread;
    private readonly PriorityQueue<(Towards To, Frame Frame), long> _later = new();
    private readonly Lock _gate = new();
    private Action<FrameRelay, Towards, Frame> _rule = Pass;
    private volatile bool _stopped;
    private Exception? _failure;

    /// <param name="clientSide">The device whose frames come from the client.</param>
    /// <param name="gatewaySide">The device whose frames come from the gateway.</param>
    public FrameRelay(PacketSocket clientSide, PacketSocket gatewaySide)
    {
        (_client, _gateway) = (clientSide, gatewaySide);
        _thread = new Thread(Run) { IsBackground = true, Name = "on-path attacker" };
        _thread.Start();
    }

    /// <summary>What becomes of each datagram; called on the relay's thread.</summary>
    public Action<FrameRelay, Towards, Frame> Rule
    {
        get => Volatile.Read(ref _rule);
        set => Volatile.Write(ref _rule, value);
    }

    /// <summary>Lets everything through.</summary>
    public static void Pass(FrameRelay relay, Towards to, Frame frame) => relay.Forward(to, frame);

    public void Forward(Towards to, Frame frame) => _ = (to == Towards.Gateway ? _gateway : _client).TrySend(frame.Bytes);

    /// <summary>Forwards after a while.</summary>
    public void ForwardLater(Towards to, Frame frame, TimeSpan delay)
    {
        lock (_gate) _later.Enqueue((to, frame), Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency));
    }

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
        _client.Dispose();
        _gateway.Dispose();
        if (_failure is not null) throw new IOException("the attacker on the path failed: " + _failure.Message, _failure);
    }

    private void Run()
    {
        byte[] buffer = new byte[1 << 16];
        try
        {
            while (!_stopped)
            {
                PacketSocket.Wait(_client, _gateway, 1);
                for (int length; (length = _client.TryReceive(buffer)) > 0;) Take(Towards.Gateway, buffer.AsSpan(0, length));
                for (int length; (length = _gateway.TryReceive(buffer)) > 0;) Take(Towards.Client, buffer.AsSpan(0, length));
                while (TryTakeDue(out (Towards To, Frame Frame) due)) Forward(due.To, due.Frame);
            }
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }

    private void Take(Towards to, ReadOnlySpan<byte> bytes)
    {
        var frame = new Frame(bytes.ToArray());
        if (frame.IsUdp) Rule(this, to, frame);
        else Forward(to, frame);
    }

    private bool TryTakeDue(out (Towards To, Frame Frame) due)
    {
        due = default;
        lock (_gate) return _later.TryPeek(out _, out long at) && at <= Stopwatch.GetTimestamp() && _later.TryDequeue(out due, out _);
    }
}
