using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Simulation.Tests.Network;

/// <summary>One uplink of a client: a device, an address, perhaps a NAT box, and a line with its faults.</summary>
internal sealed class SimUplink(string name, int interfaceIndex, UInt128 address, UInt128? nat)
{
    private readonly Dictionary<Endpoint, Endpoint> _outside = [];
    private readonly Dictionary<Endpoint, Endpoint> _inside = [];
    private readonly HashSet<(Endpoint Outside, Endpoint Remote)> _pinholes = [];
    private ushort _nextPort = 20_000;

    public string Name { get; } = name;

    public int InterfaceIndex { get; } = interfaceIndex;

    public UInt128 Address { get; private set; } = address;

    /// <summary>The NAT box's outer address; null if there is no NAT.</summary>
    public UInt128? Nat { get; private set; } = nat;

    /// <summary>The device has carrier.</summary>
    public bool IsUp { get; set; } = true;

    public bool LosesUp { get; set; }

    public bool LosesDown { get; set; }

    public int LossPercent { get; set; }

    public int DuplicatePercent { get; set; }

    public TimeSpan Delay { get; set; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan Jitter { get; set; }

    /// <summary>Largest IP packet, in bytes.</summary>
    public int Mtu { get; set; } = 1500;

    /// <summary>The host knows the MTU and says so; otherwise what is too large vanishes on the way.</summary>
    public bool IsMtuLocal { get; set; }

    /// <summary>The address that the world sees.</summary>
    public UInt128 OuterAddress => Nat ?? Address;

    /// <summary>How the world sees a socket that sends to <paramref name="remote"/>; opens the NAT for the answers.</summary>
    public Endpoint Out(Endpoint local, Endpoint remote)
    {
        if (Nat is not { } nat) return local;
        if (!_outside.TryGetValue(local, out Endpoint outside))
        {
            outside = new(nat, _nextPort++);
            _outside[local] = outside;
            _inside[outside] = local;
        }
        _pinholes.Add((outside, remote));
        return outside;
    }

    /// <summary>Which socket address a datagram from <paramref name="remote"/> reaches; null if the NAT does not let it in.</summary>
    public Endpoint? In(Endpoint outside, Endpoint remote)
    {
        if (Nat is null) return outside.Address == Address ? outside : null;
        return _pinholes.Contains((outside, remote)) && _inside.TryGetValue(outside, out Endpoint local) ? local : null;
    }

    /// <summary>The NAT box forgets its table, and perhaps has another address afterwards.</summary>
    public void Rebind(UInt128? address)
    {
        if (Nat is null) return;
        Nat = address ?? Nat;
        _outside.Clear();
        _inside.Clear();
        _pinholes.Clear();
    }

    public void ChangeAddress(UInt128 address)
    {
        Address = address;
        if (Nat is not null) Rebind(null);
    }

    /// <summary>All faults of the line are over.</summary>
    public void Heal()
    {
        IsUp = true;
        LosesUp = LosesDown = false;
        LossPercent = DuplicatePercent = 0;
        Delay = TimeSpan.FromMilliseconds(Math.Min(Delay.TotalMilliseconds, 30));
        Jitter = TimeSpan.Zero;
    }
}
