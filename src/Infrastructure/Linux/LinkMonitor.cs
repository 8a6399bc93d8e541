using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Infrastructure.Linux.Netlink;
using static JumpingVpn.Infrastructure.Linux.Netlink.NetlinkNumbers;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// Watches the links, addresses and default routes of the network namespace it was started in. A thread of its own sleeps on
/// the kernel's notifications and passes each change on at once; nothing is polled.
/// </summary>
public sealed unsafe class LinkMonitor : IDisposable
{
    private const uint Groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    private const int DefaultReceiveBuffer = 1 << 20;

    /// <summary>Notifications taken before the change is passed on, so that a storm cannot hold it back.</summary>
    private const int BatchLimit = 256;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly NetlinkSocket _notifications;
    private readonly RouteNetlink _tables;
    private readonly EventFd _stop = new();
    private readonly ChangeHandler _onChange;
    private readonly Action<string>? _onProblem;
    private readonly Thread _thread;
    private NetworkSnapshot _current = NetworkSnapshot.Empty;
    private volatile bool _stopping;

    private LinkMonitor(ChangeHandler onChange, Action<string>? onProblem, int receiveBuffer)
    {
        _onChange = onChange;
        _onProblem = onProblem;
        _notifications = new(Groups, receiveBuffer);
        _tables = RouteNetlink.Open();
        _thread = new Thread(Watch) { Name = "link-monitor", IsBackground = true };
    }

    /// <summary>Takes a change on the monitor's thread: quick, and without exceptions.</summary>
    /// <param name="network">The state after the change.</param>
    /// <param name="events">What is different; never empty.</param>
    public delegate void ChangeHandler(NetworkSnapshot network, ImmutableArray<LinkEvent> events);

    /// <summary>
    /// Starts watching. The first call of <paramref name="onChange"/> brings the whole state, marked as
    /// <see cref="LinkEvent.Resynchronized"/>; so does each call after the kernel had to drop messages.
    /// </summary>
    /// <param name="onChange">Called for every change.</param>
    /// <param name="onProblem">Called with one line if reading the kernel's tables fails; it is tried again.</param>
    /// <param name="receiveBuffer">Bytes in which the kernel queues notifications while the handler is busy.</param>
    public static LinkMonitor Start(ChangeHandler onChange, Action<string>? onProblem = null, int receiveBuffer = DefaultReceiveBuffer)
    {
        var monitor = new LinkMonitor(onChange, onProblem, receiveBuffer);
        monitor._thread.Start();
        return monitor;
    }

    /// <summary>Stops; when it returns no call is running and none will come. Not to be called by the handler.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _stop.Signal();
        _thread.Join();
        _notifications.Dispose();
        _tables.Dispose();
        _stop.Dispose();
    }

    private void Watch()
    {
        bool resynchronize = true;
        LinkRehearsal.Play(Apply);
        while (!_stopping)
        {
            try
            {
                if (resynchronize) Publish(ReadTables(), true);
                resynchronize = false;
                Wait(Timeout.InfiniteTimeSpan);
                resynchronize = !_stopping && !TakeNotifications();
            }
            catch (LinuxException e)
            {
                _onProblem?.Invoke($"link monitor: {e.Message}");
                resynchronize = true;
                Wait(RetryDelay, onlyStop: true);
            }
        }
    }

    /// <summary>Applies what waits; false if notifications were lost.</summary>
    private bool TakeNotifications()
    {
        NetworkSnapshot network = _current;
        bool routesMayDiffer = false;
        for (int i = 0; i < BatchLimit; i++)
        {
            NetlinkReceive outcome = _notifications.TryReceive(out ReadOnlySpan<byte> datagram);
            if (outcome == NetlinkReceive.Lost)
            {
                DropNotifications();
                return false;
            }
            if (outcome == NetlinkReceive.Empty) break;
            (network, bool affectsRoutes) = Apply(network, datagram);
            routesMayDiffer |= affectsRoutes;
        }
        // A lost link is told at once; the routes that went with it in silence take one more reading.
        Publish(network, false);
        if (routesMayDiffer) Publish(network.WithDefaultRoutes(ReadDefaultRoutes()), false);
        return true;
    }

    /// <summary>
    /// Empties the queue after a loss, before the tables are read: what waits in it is older than they are, and until it is empty the kernel
    /// adds nothing and says no more that it does not.
    /// </summary>
    private void DropNotifications()
    {
        while (!_stopping && _notifications.TryReceive(out _) != NetlinkReceive.Empty)
        {
            // Each is older than what is about to be read.
        }
    }

    private static (NetworkSnapshot Network, bool AffectsRoutes) Apply(NetworkSnapshot network, ReadOnlySpan<byte> datagram)
    {
        bool routesMayDiffer = false;
        var messages = new NetlinkMessages(datagram);
        while (messages.TryNext(out NetlinkMessage message))
        {
            (network, bool affectsRoutes) = Apply(network, RouteMessageReader.Read(message));
            routesMayDiffer |= affectsRoutes;
        }
        return (network, routesMayDiffer);
    }

    /// <summary>
    /// Applies one message. Routes are never taken from the message itself: Linux replaces IPv4 routes with a single notification and
    /// removes them with none when a link goes down or an address leaves, so any hint of a change has them read anew.
    /// </summary>
    private static (NetworkSnapshot Network, bool AffectsRoutes) Apply(NetworkSnapshot network, RouteMessage message) => message switch
    {
        RouteMessage.LinkChanged(var link) =>
            (network.With(Describe(link)), !network.Links.TryGetValue(link.Index, out NetworkLink? before) || before.IsUp != link.IsUp),
        RouteMessage.LinkRemoved(var link) => (network.WithoutLink(link.Index), true),
        RouteMessage.AddressChanged(var address) => (network.With(Describe(address)), false),
        RouteMessage.AddressRemoved(var address) => (network.Without(Describe(address)), true),
        RouteMessage.RouteAdded(var routes) => (network, routes.Any(RouteNetlink.IsMainDefault)),
        RouteMessage.RouteRemoved(var routes) => (network, routes.Any(RouteNetlink.IsMainDefault)),
        _ => (network, false),
    };

    private void Publish(NetworkSnapshot network, bool whole)
    {
        ImmutableArray<LinkEvent> events = network.ChangesSince(_current);
        if (whole) events = events.Insert(0, new LinkEvent.Resynchronized());
        _current = network;
        if (!events.IsEmpty) _onChange(network, events);
    }

    private NetworkSnapshot ReadTables() =>
        NetworkSnapshot.Of(_tables.Links().Select(Describe), _tables.Addresses().Select(Describe), ReadDefaultRoutes());

    private IEnumerable<DefaultRoute> ReadDefaultRoutes() => _tables.DefaultRoutes()
        .Select(route => new DefaultRoute(route.InterfaceIndex, route.Destination.IsIPv4, route.Metric, route.Gateway ?? UInt128.Zero))
        .Distinct();

    private static NetworkLink Describe(LinkRecord link) =>
        new(link.Index, link.Name, link.IsUp, link.HasCarrier, link.IsLoopback, link.Mtu);

    private static LinkAddress Describe(AddressRecord address) =>
        new(address.InterfaceIndex, address.Prefix, address.Scope < RT_SCOPE_LINK, address.IsReady);

    private void Wait(TimeSpan timeout, bool onlyStop = false)
    {
        Libc.PollFd* descriptors = stackalloc Libc.PollFd[2];
        descriptors[0] = new() { Descriptor = _stop.Descriptor, Events = Libc.POLLIN };
        descriptors[1] = new() { Descriptor = _notifications.Descriptor, Events = Libc.POLLIN };
        int milliseconds = timeout < TimeSpan.Zero ? -1 : (int)timeout.TotalMilliseconds;
        _ = Libc.poll(descriptors, onlyStop ? (nuint)1 : 2, milliseconds);
    }
}
