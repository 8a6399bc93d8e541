using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>
/// Inner addresses move with their session: the node that serves it answers on other networks whoever asks for them (proxy ARP, proxy
/// neighbour discovery), and says so by itself when it begins, so that traffic follows at once. The answers come from this process
/// and not from entries in the kernel: what is killed, stopped or without a lease answers nobody, and leaves nothing behind. A thread of its
/// own does the work; what waits for it is bounded by the number of sessions.
/// </summary>
public sealed class NeighbourAnnouncer : INeighbourAnnouncer, IDisposable
{
    /// <summary>An announcement is repeated after these times, in case a frame was lost.</summary>
    private static readonly TimeSpan[] Repeats = [TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2)];

    /// <summary>How often the lease and the devices are looked at.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Sessions announced before questions are looked at again.</summary>
    private const int Batch = 64;

    /// <summary>Of a prefix with more than 16 addresses none is announced; questions are answered all the same.</summary>
    private const int MaxAnnouncedBits = 4;

    private const int WakeToken = -1;

    private readonly Func<bool> _serves;
    private readonly Func<Instant> _clock;
    private readonly AnnouncedDevice[] _devices;
    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new();
    private readonly Lock _gate = new();
    private readonly AnnouncedAddresses _addresses = new();
    private readonly PriorityQueue<(SessionId Session, long Number, int Step), Instant> _due = new();
    private readonly byte[] _frame = new byte[256];
    private readonly Thread _thread;
    private bool _served;
    private volatile bool _stop;

    private NeighbourAnnouncer(IEnumerable<string> devices, Func<bool> serves, Action<string> warn, Func<Instant> clock)
    {
        (_serves, _clock) = (serves, clock);
        try
        {
            _epoll.Add(_wake.Descriptor, EpollEvents.Readable, WakeToken);
            _devices = [.. devices.Select((device, number) => new AnnouncedDevice(device, number, _epoll, warn))];
            foreach (AnnouncedDevice device in _devices) device.Open();
        }
        catch
        {
            foreach (AnnouncedDevice device in _devices ?? []) device.Dispose();
            _wake.Dispose();
            _epoll.Dispose();
            throw;
        }
        // Sockets belong to the namespace of the thread that opens them, and this one opens them again when a device comes back.
        _thread = new Thread(Run) { Name = "neighbours", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Opens the devices, in the network namespace of the calling thread.</summary>
    /// <param name="serves">This node may serve now; while it may not, nobody is answered.</param>
    /// <param name="warn">Takes one line about a device that fails or comes back.</param>
    /// <exception cref="LinuxException">A device is missing or no Ethernet, or CAP_NET_RAW is.</exception>
    public static NeighbourAnnouncer Open(IEnumerable<string> devices, Func<bool> serves, Action<string> warn) => new(devices, serves, warn, BootClock.Now);

    public void Announce(SessionId session, IReadOnlyList<IpPrefix> prefixes)
    {
        lock (_gate)
        {
            if (!_addresses.Add(session, prefixes)) return;
            _due.Enqueue((session, _addresses.Find(session)!.Value.Number, 0), _clock());
        }
        _wake.Signal();
    }

    public void Withdraw(SessionId session)
    {
        lock (_gate) _addresses.Remove(session);
    }

    public void Dispose()
    {
        if (_stop) return;
        _stop = true;
        _wake.Signal();
        _thread.Join();
        foreach (AnnouncedDevice device in _devices) device.Dispose();
        _wake.Dispose();
        _epoll.Dispose();
    }

    private void Run()
    {
        Span<EpollReady> ready = stackalloc EpollReady[Epoll.MaxReady];
        Instant lookAt = _clock();
        while (!_stop)
        {
            int count = _epoll.Wait(ready, Patience(lookAt));
            for (int i = 0; i < count; i++)
            {
                if (ready[i].Token == WakeToken) _ = _wake.Drain();
                else Answer(_devices[ready[i].Token / 2], isIPv4: ready[i].Token % 2 == 0);
            }
            if (_clock() >= lookAt)
            {
                lookAt = _clock() + Look;
                foreach (AnnouncedDevice device in _devices)
                    if (device.IsBack()) AnnounceAll();
            }
            bool serves = _serves();
            // Who had no lease for a while says again what is here: others may have said so meanwhile.
            if (serves && !_served) AnnounceAll();
            _served = serves;
            if (serves) AnnounceDue();
        }
    }

    private TimeSpan Patience(Instant lookAt)
    {
        Instant next = lookAt;
        lock (_gate)
        {
            if (_served && _due.TryPeek(out _, out Instant due)) next = Instant.Min(next, due);
        }
        TimeSpan wait = next - _clock();
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private void Answer(AnnouncedDevice device, bool isIPv4)
    {
        for (int i = 0; i < Epoll.MaxReady && device.Receive(_frame, isIPv4) is > 0 and var length; i++)
        {
            if (NeighbourFrames.TryRead(_frame.AsSpan(0, length)) is not { } question || !Has(question)) continue;
            // After the look-up and right before the answer: a node that was stopped here has lost its lease.
            if (_serves()) device.Send(_frame.AsSpan(0, NeighbourFrames.Answer(_frame, question, device.Link)), isIPv4);
        }
    }

    private bool Has(NeighbourQuestion question)
    {
        lock (_gate) return _addresses.Contains(question.Target, question.IsIPv4);
    }

    private void AnnounceAll()
    {
        lock (_gate)
        {
            _due.Clear();
            Instant now = _clock();
            foreach (SessionId session in _addresses.Sessions) _due.Enqueue((session, _addresses.Find(session)!.Value.Number, 0), now);
        }
    }

    private void AnnounceDue()
    {
        for (int i = 0; i < Batch && TakeDue(out (SessionId Session, long Number) announced, out IReadOnlyList<IpPrefix> prefixes); i++)
        {
            foreach (IpPrefix prefix in prefixes)
            {
                int bits = (prefix.IsIPv4 ? 32 : 128) - prefix.Length;
                if (bits > MaxAnnouncedBits) continue;
                for (uint n = 0; n < 1u << bits; n++) Announce(announced, prefix.Network.Address + n, prefix.IsIPv4);
            }
        }
    }

    /// <summary>The next session to be announced, and a note to announce it again; false if none is due. One that is gone has no prefixes.</summary>
    private bool TakeDue(out (SessionId Session, long Number) announced, out IReadOnlyList<IpPrefix> prefixes)
    {
        lock (_gate)
        {
            Instant now = _clock();
            (announced, prefixes) = (default, []);
            if (!_due.TryPeek(out (SessionId Session, long Number, int Step) next, out Instant due) || due > now) return false;
            _ = _due.Dequeue();
            if (_addresses.Find(next.Session) is not { } found || found.Number != next.Number) return true;
            if (next.Step < Repeats.Length) _due.Enqueue(next with { Step = next.Step + 1 }, now + Repeats[next.Step]);
            (announced, prefixes) = ((next.Session, next.Number), found.Prefixes);
            return true;
        }
    }

    private void Announce((SessionId Session, long Number) announced, UInt128 address, bool isIPv4)
    {
        foreach (AnnouncedDevice device in _devices)
        {
            // The session may be another node's by now: at most the frame that had passed this check says otherwise.
            if (!_serves() || !IsStill(announced)) return;
            device.Send(_frame.AsSpan(0, NeighbourFrames.Announce(_frame, address, isIPv4, device.Link, asReply: false)), isIPv4);
            if (isIPv4) device.Send(_frame.AsSpan(0, NeighbourFrames.Announce(_frame, address, isIPv4, device.Link, asReply: true)), isIPv4);
        }
    }

    private bool IsStill((SessionId Session, long Number) announced)
    {
        lock (_gate) return _addresses.Find(announced.Session)?.Number == announced.Number;
    }
}
