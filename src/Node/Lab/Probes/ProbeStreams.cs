using System.Net;
using System.Net.Sockets;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>
/// Streams through a tunnel that show what a user of it would feel: every 10 ms a datagram and a TCP message, in each direction,
/// from sockets inside the two hosts' namespaces. An undisturbed link shows a longest gap of about 10 ms, and one lost datagram
/// of about 20 ms: that is the floor of the method.
/// </summary>
public sealed class ProbeStreams : IDisposable
{
    /// <summary>How long before an event the search for the longest gap begins.</summary>
    public static readonly TimeSpan Before = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan RecoveredWindow = TimeSpan.FromMilliseconds(100);

    private readonly ProbeOptions options;
    private readonly UdpProbe client;
    private readonly UdpProbe gateway;
    private readonly TcpProbe clientTcp;
    private readonly TcpProbe gatewayTcp;

    private ProbeStreams(ProbeOptions options, UdpProbe client, UdpProbe gateway, (TcpProbe Client, TcpProbe Gateway) tcp)
    {
        this.options = options;
        this.client = client;
        this.gateway = gateway;
        (clientTcp, gatewayTcp) = tcp;
    }

    /// <summary>What has arrived at the client's end so far.</summary>
    public ArrivalLog ClientArrivals => client.Arrivals;

    /// <summary>What has arrived at the gateway's end so far.</summary>
    public ArrivalLog GatewayArrivals => gateway.Arrivals;

    public bool TcpBroken => clientTcp.Broken || gatewayTcp.Broken;

    /// <summary>
    /// Opens the connection, waiting up to <paramref name="limit"/> for a tunnel that carries it, and starts the streams. Throws
    /// <see cref="LabException"/> if nothing gets through.
    /// </summary>
    public static ProbeStreams Start(ProbeOptions options, TimeSpan limit)
    {
        (Socket Client, Socket Gateway) sockets = ProbeConnection.Open(options, TcpProbe.Port, limit);
        (TcpProbe Client, TcpProbe Gateway) tcp = (new(sockets.Client, options.Capacity), new(sockets.Gateway, options.Capacity));
        UdpProbe? client = null, gateway = null;
        try
        {
            IPAddress any = options.GatewayAddress.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            gateway = new UdpProbe(options.Gateway, new(options.GatewayAddress, UdpProbe.Port), options.Capacity);
            client = new UdpProbe(options.Client, new(any, UdpProbe.Port), options.Capacity);
            client.Connect(new(options.GatewayAddress, UdpProbe.Port));
            client.SendHello();
            if (!gateway.AwaitPeer(TimeSpan.FromSeconds(2))) throw new LabException("no datagram of the probe gets through");
            var streams = new ProbeStreams(options, client, gateway, tcp);
            streams.Begin();
            return streams;
        }
        catch
        {
            client?.Dispose();
            gateway?.Dispose();
            tcp.Client.Dispose();
            tcp.Gateway.Dispose();
            throw;
        }
    }

    /// <summary>Lets the streams run for some time; the return value is the moment when it was over.</summary>
    public static long RunFor(TimeSpan time)
    {
        LabNative.SleepUntil(LabClock.Now + Nanoseconds(time));
        return LabClock.Now;
    }

    /// <summary>
    /// Waits until datagrams that were sent after <paramref name="since"/> arrive in every direction that sends; false when the
    /// limit comes first.
    /// </summary>
    public bool AwaitFlow(long since, TimeSpan limit)
    {
        long fresh = Fresh(since);
        return LabClock.WaitUntil(() => client.Arrivals.LastArrival > fresh && (options.OnlyGatewaySends || gateway.Arrivals.LastArrival > fresh), limit);
    }

    /// <summary>
    /// Stops the streams and measures from one second before <paramref name="since"/> (a moment of <see cref="LabClock"/>).
    /// Losses are counted over the same time, or from the event on up to <paramref name="lossUntil"/> if that is given.
    /// </summary>
    public ProbeReport Finish(long since, long? lossUntil = null)
    {
        long end = LabClock.Now;
        bool alive = ReviveTcp(since);
        client.StopSending();
        gateway.StopSending();
        clientTcp.StopSending();
        gatewayTcp.StopSending();
        RunFor(Drain);
        client.StopReceiving();
        gateway.StopReceiving();
        long from = since - Nanoseconds(Before);
        (long lossFrom, long lossEnd) = lossUntil is { } until ? (since, until) : (from, end);
        TimeSpan? stall = options.OnlyGatewaySends
            ? null
            : Span(Math.Max(clientTcp.Arrivals.LongestGap(from, end), gatewayTcp.Arrivals.LongestGap(from, end)));
        return new ProbeReport(
            options.OnlyGatewaySends ? null : Direction(client, gateway, from, end, lossFrom, lossEnd),
            Direction(gateway, client, from, end, lossFrom, lossEnd),
            stall,
            alive);
    }

    public void Dispose()
    {
        client.Dispose();
        gateway.Dispose();
        clientTcp.Dispose();
        gatewayTcp.Dispose();
    }

    internal static long Nanoseconds(TimeSpan time) => (long)(time.TotalMilliseconds * LabClock.Millisecond);

    private void Begin()
    {
        client.StartReceiving("client");
        gateway.StartReceiving("gateway");
        clientTcp.StartReceiving("client");
        gatewayTcp.StartReceiving("gateway");
        long start = LabClock.Now + 20 * LabClock.Millisecond;
        gateway.StartSending("gateway", start);
        if (options.OnlyGatewaySends) return;
        // Spread over the period, so that the four streams do not meet in one burst.
        client.StartSending("client", start + ProbeOptions.PeriodNanoseconds / 4);
        clientTcp.StartSending("client", start + ProbeOptions.PeriodNanoseconds / 2);
        gatewayTcp.StartSending("gateway", start + 3 * ProbeOptions.PeriodNanoseconds / 4);
    }

    private static DirectionReport Direction(UdpProbe sender, UdpProbe receiver, long from, long end, long lossFrom, long lossEnd)
    {
        (int first, int after) = sender.SentBetween(lossFrom, lossEnd);
        int received = Enumerable.Range(first, after - first).Count(receiver.Arrivals.HasSeen);
        return new DirectionReport(
            Span(receiver.Arrivals.LongestGap(from, end)),
            receiver.Arrivals.LastArrival >= end - Nanoseconds(RecoveredWindow),
            after - first,
            received,
            receiver.Arrivals.Duplicates,
            receiver.Arrivals.Reordered);
    }

    /// <summary>Waits until each end has received a message that was sent after the event, on the connection made at the start.</summary>
    private bool ReviveTcp(long since)
    {
        if (options.OnlyGatewaySends)
        {
            clientTcp.SendOnce();
            gatewayTcp.SendOnce();
        }

        long fresh = options.OnlyGatewaySends ? since : Fresh(since);
        return LabClock.WaitUntil(() => TcpBroken || (clientTcp.Arrivals.LastArrival > fresh && gatewayTcp.Arrivals.LastArrival > fresh), options.TcpRevival)
            && !TcpBroken;
    }

    /// <summary>What arrives from this moment on was not under way any more when the event happened.</summary>
    private static long Fresh(long since) => since + 2 * ProbeOptions.PeriodNanoseconds;

    private static TimeSpan Span(long nanoseconds) => TimeSpan.FromMilliseconds(LabClock.ToMilliseconds(nanoseconds));
}
