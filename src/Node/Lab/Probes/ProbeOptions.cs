using System.Net;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>Where the probe streams run and what they carry.</summary>
/// <param name="Client">Namespace of the client's end.</param>
/// <param name="Gateway">Namespace of the gateway's end.</param>
/// <param name="GatewayAddress">
/// The gateway's address as the client's end sees it. The gateway's end answers to the source of the client's first datagram.
/// </param>
/// <param name="OnlyGatewaySends">
/// The client's end says nothing: no datagrams, and the TCP connection stays idle in both directions until the end.
/// </param>
/// <param name="Longest">Upper bound of the streams' life; sizes the logs.</param>
public sealed record ProbeOptions(
    LabNamespace Client,
    LabNamespace Gateway,
    IPAddress GatewayAddress,
    bool OnlyGatewaySends = false,
    TimeSpan? Longest = null)
{
    /// <summary>
    /// How long the connection may take to carry messages again at the end. Its kernels repeat what was lost at twice the interval each time,
    /// so after a long outage they need about as long again.
    /// </summary>
    public TimeSpan TcpRevival { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>One datagram and one TCP message each, per direction.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    /// <summary>Bytes of a TCP message; of a datagram's payload too.</summary>
    public const int MessageSize = 100;

    internal static long PeriodNanoseconds => (long)(Period.TotalMilliseconds * LabClock.Millisecond);

    internal int Capacity => (int)((Longest ?? TimeSpan.FromSeconds(120)) / Period);
}
