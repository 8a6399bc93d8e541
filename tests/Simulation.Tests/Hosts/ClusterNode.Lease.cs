using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Simulation.Tests.Hosts;

// Entering, the lease, and what the store lets the node know.
internal sealed partial class ClusterNode
{
    private bool _hasEntered;
    private bool _hasBegun;
    private bool _isEntering;
    private WatchedNode? _former;
    private long _registry;
    private long _renewalTimer;
    private SessionId _lastOrphan;

    /// <summary>
    /// Enters as a fresh incarnation. A former one stands in the way until this place proves it dead, or until its number has stood still
    /// for as long as anyone would have to watch it.
    /// </summary>
    private void Enter()
    {
        _isEntering = true;
        Span<byte> bytes = stackalloc byte[IncarnationId.Size];
        Random.Fill(bytes);
        var incarnation = IncarnationId.Read(bytes);
        Instant started = Clock;
        FenceEvidence? evidence = _former is { } former && started >= former.Since + _times.Lease + _times.Margin
            ? new(former.Row.Owner, former.Row.Number)
            : null;
        var identity = new NodeIdentity(Name, $"{Name}, boot {_boots}", Name);
        Ask(() => _store.Enter(identity, incarnation, evidence), static reason => new EnterResult.Failed(reason), result => Entered(result, incarnation));
    }

    private void Entered(EnterResult result, IncarnationId incarnation)
    {
        switch (result)
        {
            case EnterResult.Entered entered:
                _former = null;
                // A process takes the cluster's time as it finds it; while it runs it never goes back.
                if (_hasBegun) Advance(entered.Opening.ServiceTime);
                else _serviceOffset = entered.Opening.ServiceTime - Clock;
                Environment = Environment with { Self = new Owner(Name, incarnation) };
                LoadRegistry(Enters, failed: () => Later(_times.Interval, Enter));
                break;
            case EnterResult.Busy busy:
                if (_former is not { } former || former.Row.Owner != busy.Row.Owner || former.Row.Number != busy.Row.Number) _former = new(busy.Row, Clock);
                Later(_times.Interval, Enter);
                break;
            default:
                // The store could not be read: an old copy of it may answer next.
                _former = null;
                Later(_times.Interval, Enter);
                break;
        }
    }

    private void Enters()
    {
        _isEntering = false;
        _hasEntered = true;
        _lease = LeaseState.Entered(Clock);
        if (!_hasBegun)
        {
            _hasBegun = true;
            Begin(GatewayState.Empty);
            long process = Process;
            World.Agenda.After(HousekeepingInterval, () => KeepHouse(process));
        }
        else
        {
            World.Trace.Line(Name, () => $"goes on as {Self}");
        }
        Renew();
    }

    /// <summary>Another node has fenced this incarnation, and the core has dropped everything.</summary>
    private void FellOut()
    {
        if (_isEntering) return;
        World.Trace.Line(Name, () => $"{Self} is fenced");
        _hasEntered = false;
        Enter();
    }

    private void Renew()
    {
        if (!_hasEntered || _lease.RenewAt == Instant.Never) return;
        if (Clock < _lease.RenewAt)
        {
            long timer = ++_renewalTimer;
            Later(_lease.RenewAt - Clock + TimeSpan.FromMicroseconds(1), () =>
            {
                if (timer == _renewalTimer) Renew();
            });
            return;
        }
        _lease = LeaseCore.Renewing(_lease);
        Instant started = Clock, service = Now;
        Owner self = Self;
        Ask(() => _store.Renew(self.Incarnation, service), static reason => new Renewal.Failed(reason), renewal => Answered(self, renewal, started));
    }

    /// <summary>
    /// What the store says of the lease counts only once this node knows the clients as the store has them: so nobody who was removed is
    /// served for longer than a lease.
    /// </summary>
    private void Answered(Owner self, Renewal renewal, Instant started)
    {
        if (self != Self || !_hasEntered) return;
        if (renewal is not Renewal.Renewed renewed || renewed.RegistryRevision == _registry) Renewed(renewal, started);
        else LoadRegistry(() => Renewed(renewal, started), failed: () => Renewed(new Renewal.Failed("the registry cannot be read"), started));
    }

    private void Renewed(Renewal renewal, Instant started)
    {
        if (!_hasEntered) return;
        LeaseState before = _lease;
        _lease = LeaseCore.Renewed(before, renewal, World.Broken.LeaseCountsFromAnswer ? Clock : started, Clock, _times);
        if (renewal is Renewal.Renewed renewed)
        {
            World.Leases.Renewed(Self, started);
            Advance(renewed.ServiceTime);
            foreach (SessionId wanted in renewed.Wanted) Post(new GatewayInput.SessionWanted(wanted));
        }
        if (!ReferenceEquals(before.Gone, _lease.Gone)) Post(new GatewayInput.NodesGone(_lease.Gone));
        if (_lease.IsFenced && !before.IsFenced)
        {
            Post(new GatewayInput.Fenced());
            FellOut();
        }
        if (!before.Serves(Clock) && _lease.Serves(Clock)) Schedule();
        Renew();
    }

    private void LoadRegistry(Action loaded, Action failed) => Ask<StoredRegistry?>(_store.State.Registry, static _ => null, registry =>
    {
        if (registry is null)
        {
            failed();
            return;
        }
        if (registry.Revision > _registry || !_hasBegun)
        {
            _registry = registry.Revision;
            Environment = Environment with
            {
                Registry = ClientRegistry.From(registry.Clients.Select(client => new RegisteredClient(client.Name, client.Key, client.Addresses, SecretHandle.None))),
            };
            if (_hasBegun) Post(new GatewayInput.RegistryChanged());
        }
        loaded();
    });

    /// <summary>A notice may come late or never: it says only what each renewal says as well.</summary>
    private void Hear(IncarnationId? incarnation, ClusterNotice notice)
    {
        if (!_hasEntered || (incarnation is { } meant && meant != Self.Incarnation)) return;
        switch (notice)
        {
            case ClusterNotice.Wanted wanted:
                Post(new GatewayInput.SessionWanted(wanted.Session));
                break;
            case ClusterNotice.Released released:
                Post(new GatewayInput.SessionReleased(released.Session));
                break;
            default:
                WhenAwake(Process, () => LoadRegistry(static () => { }, static () => { }));
                break;
        }
    }

    private void KeepHouse(long process)
    {
        if (process != Process) return;
        World.Agenda.After(HousekeepingInterval, () => KeepHouse(process));
        if (!IsAwake || !Serves) return;
        Instant now = Now;
        ImmutableArray<IncarnationId> gone = [.. _lease.Gone.Keys];
        SessionId after = _lastOrphan;
        Ask<ImmutableArray<SessionId>?>(() => _store.State.Orphans(now, gone, after, OrphansAtOnce), static _ => null, orphans =>
        {
            if (orphans is not { } found) return;
            _lastOrphan = found.Length == OrphansAtOnce ? found[^1] : default;
            if (found.Length > 0) Post(new GatewayInput.SessionsOrphaned(found));
        });
    }

    /// <summary>The service clock is the cluster's: it never stands behind what the store has seen.</summary>
    private void Advance(Instant serviceTime)
    {
        if (serviceTime <= Now) return;
        _serviceOffset += serviceTime - Now;
        if (_hasBegun) Schedule();
    }
}
