using System.Net;
using JumpingVpn.Node.Lab.Probes;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>A ping through the tunnel every 10 ms: a datagram to an echo on the gateway's host, and back.</summary>
internal sealed class DemoPing : IDisposable
{
    private readonly UdpProbe client;
    private readonly UdpProbe echo;

    private DemoPing(UdpProbe client, UdpProbe echo)
    {
        this.client = client;
        this.echo = echo;
    }

    public int Sent => client.Sent;

    public int Answered => client.Arrivals.Count;

    public long LastAnswer => client.Arrivals.LastArrival;

    public static DemoPing Start(ProbeOptions options)
    {
        var echo = new UdpProbe(options.Gateway, new(options.GatewayAddress, UdpProbe.Port), options.Capacity);
        var client = new UdpProbe(options.Client, new(IPAddress.Any, UdpProbe.Port), options.Capacity);
        var ping = new DemoPing(client, echo);
        client.Connect(new(options.GatewayAddress, UdpProbe.Port));
        client.SendHello();
        if (!echo.AwaitPeer(TimeSpan.FromSeconds(2)))
        {
            ping.Dispose();
            throw new LabException("no ping gets through the tunnel");
        }

        echo.StartEchoing("gateway");
        client.StartReceiving("client");
        client.StartSending("client", LabClock.Now + ProbeOptions.PeriodNanoseconds);
        return ping;
    }

    /// <summary>The longest time without an answer between two moments, in milliseconds.</summary>
    public double LongestGap(long from, long until) => LabClock.ToMilliseconds(client.Arrivals.LongestGap(from, until));

    /// <summary>Pings sent between two moments, and those of them that have no answer yet.</summary>
    public (int Sent, int Lost) Count(long from, long until)
    {
        (int first, int end) = client.SentBetween(from, until);
        return (end - first, Enumerable.Range(first, end - first).Count(sequence => !client.Arrivals.HasSeen(sequence)));
    }

    public void Dispose()
    {
        client.Dispose();
        echo.Dispose();
    }
}
