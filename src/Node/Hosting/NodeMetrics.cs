using System.Diagnostics.Metrics;
using System.Net.Sockets;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Hosting;

/// <summary>
/// The node's own metrics, taken from its status at each scrape, and the endpoint that serves them with all others of the
/// program's meters. No label names a session or a client, so the number of series does not grow with them.
/// </summary>
public sealed class NodeMetrics : IAsyncDisposable
{
    private static readonly string[] States = ["Attached", "Volatile", "Degraded", "Recovering"];

    private readonly INodeControl node;
    private readonly Meter meter = new(PrometheusText.MeterPrefix);
    private readonly PrometheusText text;
    private readonly MetricsEndpoint endpoint;
    private readonly SemaphoreSlim oneAtATime = new(1);
    private NodeStatus? status;

    private NodeMetrics(MetricsConfiguration configuration, INodeControl node)
    {
        this.node = node;
        meter.CreateObservableGauge("sessions", SessionsByState, description: "Sessions by state.");
        meter.CreateObservableGauge("session_switches", () => Sum(s => s.Switches), description: "Transports bound after the first one, over the sessions of now.");
        meter.CreateObservableGauge("session_received_bytes", () => Sum(s => s.RxBytes), description: "Inner bytes received, over the sessions of now.");
        meter.CreateObservableGauge("session_sent_bytes", () => Sum(s => s.TxBytes), description: "Inner bytes sent, over the sessions of now.");
        meter.CreateObservableGauge("session_received_packets", () => Sum(s => s.RxPackets), description: "Inner packets received, over the sessions of now.");
        meter.CreateObservableGauge("session_sent_packets", () => Sum(s => s.TxPackets), description: "Inner packets sent, over the sessions of now.");
        meter.CreateObservableCounter("rejections", Rejections, description: "Refused inputs by reason code.");
        meter.CreateObservableGauge("store_healthy", () => Optional(status?.Store, s => s.Healthy ? 1 : 0), description: "1 while the store takes appends.");
        meter.CreateObservableGauge("store_live_events", () => Optional(status?.Store, s => s.LiveEvents), description: "Events that are not compacted yet.");
        meter.CreateObservableCounter("telemetry_dropped", () => status?.Telemetry.Dropped ?? 0, description: "Log lines that were dropped.");
        text = new PrometheusText();
        endpoint = MetricsEndpoint.Start(configuration.Prometheus!, CollectAsync);
    }

    /// <summary>Serves metrics where the configuration asks for it; null, and no cost at all, where it does not.</summary>
    /// <exception cref="LinuxException">The address cannot be listened on.</exception>
    public static NodeMetrics? Start(MetricsConfiguration configuration, INodeControl node)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Prometheus is null) return null;
        try
        {
            return new(configuration, node);
        }
        catch (SocketException e)
        {
            throw LinuxException.Refused($"metrics.prometheus: {configuration.Prometheus}: {e.Message}");
        }
    }

    /// <summary>What is wrong with those who collect, in one line; null if nothing is.</summary>
    public string? Warning => endpoint.GivenUp is > 0 and var count
        ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{count} exchanges with a metrics collector given up: it did not ask, or did not read, in time")
        : null;

    public async ValueTask DisposeAsync()
    {
        await endpoint.DisposeAsync().ConfigureAwait(false);
        text.Dispose();
        meter.Dispose();
        oneAtATime.Dispose();
    }

    private async Task<string> CollectAsync(CancellationToken cancellation)
    {
        await oneAtATime.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            status = await node.SnapshotAsync(cancellation).WaitAsync(cancellation).ConfigureAwait(false);
            return text.Collect();
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    private IEnumerable<Measurement<long>> SessionsByState() =>
        States.Select(state => new Measurement<long>(status?.Sessions.Count(s => s.State == state) ?? 0, new KeyValuePair<string, object?>("state", state)));

    private IEnumerable<Measurement<long>> Rejections() =>
        status is null ? [] : status.Rejections.Select(r => new Measurement<long>(r.Value, new KeyValuePair<string, object?>("reason", r.Key)));

    private long Sum(Func<SessionStatus, ulong> of) => status?.Sessions.Sum(s => (long)of(s)) ?? 0;

    private static IEnumerable<Measurement<long>> Optional<T>(T? value, Func<T, long> of) where T : class => value is null ? [] : [new(of(value))];
}
