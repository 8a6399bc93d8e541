namespace JumpingVpn.Domain.Paths;

/// <summary>One difference between two snapshots of the host's network.</summary>
public abstract record LinkEvent
{
    private LinkEvent()
    {
    }

    public sealed record LinkAdded(NetworkLink Link) : LinkEvent;

    /// <summary>Up, down, carrier, name or MTU.</summary>
    public sealed record LinkChanged(NetworkLink Before, NetworkLink After) : LinkEvent
    {
        /// <summary>True if packets could pass and cannot any more.</summary>
        public bool WentDown => Before.IsOperational && !After.IsOperational;

        /// <summary>True if packets can pass again.</summary>
        public bool CameUp => !Before.IsOperational && After.IsOperational;
    }

    public sealed record LinkRemoved(NetworkLink Link) : LinkEvent;

    /// <summary>An address is new, or one that was there has become ready.</summary>
    public sealed record AddressAdded(LinkAddress Address) : LinkEvent;

    public sealed record AddressRemoved(LinkAddress Address) : LinkEvent;

    public sealed record DefaultRouteAdded(DefaultRoute Route) : LinkEvent;

    public sealed record DefaultRouteRemoved(DefaultRoute Route) : LinkEvent;

    /// <summary>
    /// The tables were read whole: at the start, and after the kernel had to drop messages. Stands before the differences.
    /// </summary>
    public sealed record Resynchronized : LinkEvent;
}
