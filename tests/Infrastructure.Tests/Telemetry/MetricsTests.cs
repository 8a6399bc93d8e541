using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using JumpingVpn.Infrastructure.Telemetry;

namespace JumpingVpn.Infrastructure.Tests.Telemetry;

public sealed class MetricsTests
{
    [Fact]
    public void Counters_gauges_and_histograms_are_written_in_prometheus_words()
    {
        using var text = new PrometheusText();
        using var meter = new Meter(PrometheusText.MeterPrefix + ".test");
        Counter<long> jumps = meter.CreateCounter<long>("jumps", description: "Moves.");
        Histogram<double> commit = meter.CreateHistogram<double>("commit_seconds");
        meter.CreateObservableGauge("level", () => 2.5);
        jumps.Add(2, new KeyValuePair<string, object?>("reason", "A\"B\n"));
        jumps.Add(3, new KeyValuePair<string, object?>("reason", "A\"B\n"));
        commit.Record(0.5);
        commit.Record(1);
        string[] lines = text.Collect().Split('\n');
        Assert.Contains("# TYPE jumping_vpn_jumps_total counter", lines);
        Assert.Contains("# HELP jumping_vpn_jumps_total Moves.", lines);
        Assert.Contains("jumping_vpn_jumps_total{reason=\"A\\\"B\\n\"} 5", lines);
        Assert.Contains("jumping_vpn_commit_seconds_sum 1.5", lines);
        Assert.Contains("jumping_vpn_commit_seconds_count 2", lines);
        Assert.Contains("jumping_vpn_level 2.5", lines);
    }

    [Fact]
    public void The_number_of_series_is_bounded()
    {
        using var text = new PrometheusText();
        using var meter = new Meter(PrometheusText.MeterPrefix + ".flood");
        Counter<long> flood = meter.CreateCounter<long>("flood");
        for (int i = 0; i < PrometheusText.MaxSeries * 2; i++) flood.Add(1, new KeyValuePair<string, object?>("i", i));
        Assert.InRange(text.Collect().Split('\n').Length, 10, PrometheusText.MaxSeries + 20);
    }

    [Theory]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK", "numbers")]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found", "metrics are at /metrics")]
    [InlineData("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed", "GET only")]
    [InlineData("hello\r\n\r\n", "HTTP/1.1 400 Bad Request", "not HTTP")]
    public async Task The_endpoint_answers_and_closes(string request, string status, string body)
    {
        await using MetricsEndpoint endpoint = MetricsEndpoint.Start(new(IPAddress.Loopback, 0), _ => Task.FromResult("numbers\n"));
        string answer = await Ask(endpoint, request);
        Assert.StartsWith(status + "\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith(body + "\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_and_endless_heads_get_nothing_and_the_next_scrape_works()
    {
        await using MetricsEndpoint endpoint = MetricsEndpoint.Start(new(IPAddress.Loopback, 0), _ => Task.FromResult("numbers\n"));
        var random = new Random(5);
        for (int i = 0; i < 50; i++)
        {
            byte[] bytes = new byte[random.Next(1, 20_000)];
            random.NextBytes(bytes);
            using var client = new TcpClient();
            await client.ConnectAsync(endpoint.Address);
            try { await client.GetStream().WriteAsync(bytes); }
            catch (IOException)
            {
                // Closed on us: that is the point.
            }
        }
        Assert.Contains("numbers", await Ask(endpoint, "GET /metrics HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
    }

    private static async Task<string> Ask(MetricsEndpoint endpoint, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(endpoint.Address);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync();
    }
}
