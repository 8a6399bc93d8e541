using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// The data plane of a node, client or gateway: one thread from the TUN device to the sockets, one from the sockets to the TUN device, and
/// the forwarding table between them. Commands change the table by single writes that the packet threads see at their next
/// packet, and wait, where something is taken away, until both have let go of what they had read before.
/// </summary>
public sealed partial class DataPlane : IDataPlane, IDisposable
{
    // Commands come from one thread, but the timer that forgets old epochs has its own.
    private readonly Lock _commands = new();
    private readonly DataPlaneOptions _options;
    private readonly ServingDeadline _deadline;
    private readonly RouteTable _routes = new();
    private readonly ReadMostlyTable<int, SocketEntry> _socketsByToken = new();
    private readonly ReadMostlyTable<uint, KeyEpoch> _epochsByIndex = new();
    private readonly Dictionary<int, SocketEntry> _sockets = [];
    private readonly Dictionary<SessionId, SessionEntry> _sessions = [];
    private readonly HeldTotal _held = new();
    private readonly DropCounters _controlDrops = new();
    private readonly TransmitLoop _transmit;
    private readonly ReceiveLoop _receive;
    private readonly DatagramSender _controlSender;
    private readonly NativeBuffer _controlBuffer = new(PacketHeader.Overhead + PacketHeader.MaxControlFrame);
    private readonly Timer _expiry;
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread[] _threads;
    private int _lastToken;
    private bool _disposed;

    /// <summary>Builds the data plane and starts its threads.</summary>
    public DataPlane(DataPlaneOptions options)
    {
        _options = options;
        _deadline = new(options.LeaseClock);
        _transmit = new(options.Tun, _routes, options.Events, _deadline, options.Clock);
        _receive = new(options.Tun, options.UdpSegmentation, _socketsByToken, _epochsByIndex, options.Events, _deadline, options.Clock, options.LeaseClock, _held);
        _controlSender = new(options.Events, _controlDrops, forControl: true);
        _expiry = new(_ => ForgetExpiredEpochs());
        _threads = [PacketThread("tun-to-udp", _transmit.Run), PacketThread("udp-to-tun", _receive.Run)];
        foreach (Thread thread in _threads) thread.Start();
    }

    /// <summary>Segments that one TCP superpacket of the TUN device may have so that it leaves by one system call (the device's gso_max_segs).</summary>
    /// <param name="innerMtu">The TUN device's MTU, in bytes.</param>
    public static int MaxSegments(int innerMtu) =>
        Math.Clamp(DatagramSender.MaxBytes / (innerMtu + PacketHeader.Overhead), 1, DatagramSender.MaxDatagrams);

    /// <summary>Completes if a packet thread has died; the data plane forwards nothing in that direction any more.</summary>
    public Task<Exception> Failed => _failed.Task;

    /// <summary>Bytes that the packet threads have allocated on the managed heap since they started, as of their last batch.</summary>
    public long AllocatedBytes => _transmit.AllocatedBytes + _receive.AllocatedBytes;

    /// <summary>How often a reason occurred since the start.</summary>
    public long Drops(DropReason reason) => _transmit.Drops.Read(reason) + _receive.Drops.Read(reason) + _controlDrops.Read(reason);

    /// <inheritdoc/>
    public void SetServeUntil(Instant until)
    {
        // A renewal waits for no other command: the packet threads see it with their next packet.
        _deadline.Set(until);
        if (_options.LeaseClock() < until) return;
        using Lock.Scope command = Command();
        AwaitPacketThreads();
    }

    /// <inheritdoc/>
    public void AddSocket(int socket, int fileDescriptor, bool isIPv6)
    {
        using Lock.Scope command = Command();
        if (_sockets.ContainsKey(socket)) throw new InvalidOperationException($"socket {socket} is in use already");
        var entry = Describe(socket, ++_lastToken, fileDescriptor, isIPv6);
        _sockets.Add(socket, entry);
        _socketsByToken.Add(entry.Token, entry);
        try
        {
            _receive.Watch(entry);
        }
        catch
        {
            _ = _sockets.Remove(socket);
            _socketsByToken.Remove(entry.Token, entry);
            throw;
        }
    }

    /// <inheritdoc/>
    public void RemoveSocket(int socket)
    {
        using Lock.Scope command = Command();
        if (!_sockets.Remove(socket, out SocketEntry? entry)) return;
        entry.MarkRemoved();
        _socketsByToken.Remove(entry.Token, entry);
        _receive.Unwatch(entry);
        AwaitPacketThreads();
    }

    /// <inheritdoc/>
    public void OpenSession(SessionId session, IReadOnlyList<IpPrefix> prefixes, int innerMtu)
    {
        using Lock.Scope command = Command();
        if (_sessions.ContainsKey(session)) throw new InvalidOperationException($"session {session} is open already");
        var entry = new SessionEntry(session, prefixes, innerMtu);
        _sessions.Add(session, entry);
        foreach (IpPrefix prefix in entry.Prefixes) _routes.Add(prefix, entry);
    }

    /// <inheritdoc/>
    public void SetInnerMtu(SessionId session, int innerMtu)
    {
        using Lock.Scope command = Command();
        if (_sessions.TryGetValue(session, out SessionEntry? entry)) entry.InnerMtu = innerMtu;
    }

    /// <inheritdoc/>
    public void CloseSession(SessionId session)
    {
        using Lock.Scope command = Command();
        if (!_sessions.Remove(session, out SessionEntry? entry)) return;
        foreach (IpPrefix prefix in entry.Prefixes) _routes.Remove(prefix, entry);
        ForgetAllEpochs(entry);
    }

    /// <inheritdoc/>
    public void ArmTrafficResumed(SessionId session)
    {
        using Lock.Scope command = Command();
        if (_sessions.TryGetValue(session, out SessionEntry? entry)) entry.Arm();
    }

    /// <inheritdoc/>
    public bool TryReadCounters(SessionId session, out TrafficCounters counters)
    {
        using Lock.Scope command = Command();
        counters = default;
        if (!_sessions.TryGetValue(session, out SessionEntry? entry)) return false;
        KeyEpoch? epoch = entry.Binding?.Epoch;
        counters = new(
            LocalIndex: epoch?.Keys.LocalIndex ?? 0,
            Sent: epoch?.Sent ?? 0,
            HighestReceived: epoch?.HighestReceived ?? 0,
            Received: epoch?.Received ?? 0,
            LastReceived: new(epoch?.LastReceived ?? 0),
            LastSent: new(Math.Max(entry.Sent.Last, entry.ControlSent)),
            ReceivedPackets: entry.Received.Packets,
            ReceivedBytes: entry.Received.Bytes,
            SentPackets: entry.Sent.Packets,
            SentBytes: entry.Sent.Bytes);
        return true;
    }

    /// <summary>Stops both threads and frees everything; all keys are zeroed, all sessions forgotten.</summary>
    public void Dispose()
    {
        lock (_commands)
        {
            if (_disposed) return;
            _disposed = true;
        }
        _expiry.Dispose();
        _transmit.Stop();
        _receive.Stop();
        foreach (Thread thread in _threads) thread.Join();
        foreach (SessionEntry session in _sessions.Values)
        {
            foreach (KeyEpoch epoch in session.Epochs)
            {
                epoch.PacketKeys.Free();
                epoch.Queue.Clear(session, _held);
            }
        }
        _sessions.Clear();
        _sockets.Clear();
        _transmit.Dispose();
        _receive.Dispose();
        _controlSender.Dispose();
        _controlBuffer.Dispose();
    }

    private unsafe SocketEntry Describe(int socket, int token, int descriptor, bool isIPv6)
    {
        byte* name = stackalloc byte[SockAddr.MaxSize];
        uint length = SockAddr.MaxSize;
        if (Libc.getsockname(descriptor, name, &length) < 0) throw LinuxException.Last($"look at socket {socket}");
        Endpoint local = SockAddr.Read(name, length);
        length = SockAddr.MaxSize;
        bool connected = Libc.getpeername(descriptor, name, &length) == 0;
        int on = 1;
        // Before Linux 5.0 there is no such option: then every datagram comes alone.
        _ = Libc.setsockopt(descriptor, Libc.SOL_UDP, Libc.UDP_GRO, &on, sizeof(int));
        FloodShield? shield = _options.KnownSources is { } known ? new(socket, descriptor, known, _receive.Drops) : null;
        return new(socket, token, descriptor, isIPv6, local.Port, connected, shield);
    }

    private Thread PacketThread(string name, Action run) => new(() => RunPackets(run)) { Name = name, IsBackground = true };

    private void RunPackets(Action run)
    {
        try
        {
            run();
        }
#pragma warning disable CA1031 // A packet thread has nobody above it: whatever ends it is told to the node, which must not go on half deaf.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failed.TrySetResult(exception);
        }
    }

    private Lock.Scope Command()
    {
        if (Array.IndexOf(_threads, Thread.CurrentThread) >= 0)
            throw new InvalidOperationException("a packet thread may not give the data plane commands");
        Lock.Scope scope = _commands.EnterScope();
        if (!_disposed) return scope;
        scope.Dispose();
        throw new ObjectDisposedException(nameof(DataPlane));
    }

    /// <summary>Returns when neither packet thread holds anything that it read from the table before.</summary>
    private void AwaitPacketThreads()
    {
        _transmit.Quiescence.Await();
        _receive.Quiescence.Await();
    }

    private SessionEntry Session(SessionId session) =>
        _sessions.TryGetValue(session, out SessionEntry? entry) ? entry : throw new InvalidOperationException($"session {session} is not open");
}
