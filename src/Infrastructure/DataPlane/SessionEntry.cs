using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>A session in the forwarding table.</summary>
internal sealed class SessionEntry
{
    private readonly (uint Network, uint Mask)[] _sources4;
    private readonly (UInt128 Network, UInt128 Mask)[] _sources6;
    private Binding? _binding;
    private volatile int _innerMtu;
    private int _armed;

    public SessionEntry(SessionId id, IReadOnlyList<IpPrefix> prefixes, int innerMtu)
    {
        Id = id;
        Prefixes = [.. prefixes.Select(prefix => prefix.Network).Distinct()];
        _sources4 = [.. Prefixes.Where(p => p.IsIPv4).Select(p => ((uint)p.Address, p.Length == 0 ? 0 : uint.MaxValue << (32 - p.Length)))];
        _sources6 = [.. Prefixes.Where(p => !p.IsIPv4).Select(p => (p.Address, p.Length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - p.Length)))];
        _innerMtu = innerMtu;
    }

    public SessionId Id { get; }

    public IReadOnlyList<IpPrefix> Prefixes { get; }

    public int InnerMtu
    {
        get => _innerMtu;
        set => _innerMtu = value;
    }

    /// <summary>Null while nothing is bound.</summary>
    public Binding? Binding
    {
        get => Volatile.Read(ref _binding);
        set => Volatile.Write(ref _binding, value);
    }

    /// <summary>All epochs that are installed, bound or old. The command thread's alone.</summary>
    public List<KeyEpoch> Epochs { get; } = [];

    /// <summary>Epochs that were replaced and still receive, oldest first. The command thread's alone.</summary>
    public List<KeyEpoch> OldEpochs { get; } = [];

    /// <summary>What the sending thread counts.</summary>
    public TrafficCount Sent { get; } = new();

    /// <summary>What the receiving thread counts.</summary>
    public TrafficCount Received { get; } = new();

    /// <summary>Ticks of the last control frame sent. The command thread's alone.</summary>
    public long ControlSent { get; set; }

    /// <summary>Reports of unbound sources; the receiving thread's alone.</summary>
    public RateLimit UnboundReports = new(50);

    /// <summary>Packets and bytes in the queues of this session's epochs.</summary>
    public int HeldPackets, HeldBytes;

    /// <summary>The next inner packet is to be reported.</summary>
    public void Arm() => Volatile.Write(ref _armed, 1);

    /// <summary>True once after <see cref="Arm"/>.</summary>
    public bool TryDisarm() => Volatile.Read(ref _armed) != 0 && Interlocked.Exchange(ref _armed, 0) != 0;

    /// <summary>True if an inner IPv4 source address (host order) is the session's (REQ-HIJACK-5: cryptokey routing).</summary>
    public bool Owns(uint address)
    {
        foreach ((uint network, uint mask) in _sources4)
            if ((address & mask) == network) return true;
        return false;
    }

    /// <summary>True if an inner IPv6 source address is the session's.</summary>
    public bool Owns(UInt128 address)
    {
        foreach ((UInt128 network, UInt128 mask) in _sources6)
            if ((address & mask) == network) return true;
        return false;
    }
}

/// <summary>Inner packets and bytes in one direction: one thread writes, anyone reads.</summary>
internal sealed class TrafficCount
{
    // Keeps the two directions' counters on different cache lines.
    private readonly ulong[] _numbers = new ulong[24];

    public ulong Packets => Volatile.Read(ref _numbers[8]);

    public ulong Bytes => Volatile.Read(ref _numbers[9]);

    /// <summary>Ticks of the last packet of any kind.</summary>
    public long Last
    {
        get => (long)Volatile.Read(ref _numbers[10]);
        set => Volatile.Write(ref _numbers[10], (ulong)value);
    }

    public void Add(int packets, int bytes)
    {
        Volatile.Write(ref _numbers[8], _numbers[8] + (ulong)packets);
        Volatile.Write(ref _numbers[9], _numbers[9] + (ulong)bytes);
    }
}
