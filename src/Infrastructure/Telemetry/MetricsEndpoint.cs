using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>
/// The least HTTP/1.1 (RFC 9112) that a scraper needs: GET /metrics, one request a connection, few connections, short
/// requests, short waits. A slow or hostile scraper costs a connection for some seconds and nothing else.
/// </summary>
public sealed class MetricsEndpoint : IAsyncDisposable
{
    /// <summary>Connections at a time; more wait in the kernel's queue.</summary>
    public const int Connections = 4;

    /// <summary>Longest request head, in bytes.</summary>
    public const int RequestSize = 8192;

    /// <summary>Time for a whole exchange.</summary>
    public static readonly TimeSpan Exchange = TimeSpan.FromSeconds(5);

    private readonly Socket listener;
    private readonly Func<CancellationToken, Task<string>> collect;
    private readonly CancellationTokenSource stopping = new();
    private readonly SemaphoreSlim free = new(Connections);
    private readonly Task accepting;
    private long givenUp;

    private MetricsEndpoint(Socket listener, Func<CancellationToken, Task<string>> collect)
    {
        this.listener = listener;
        this.collect = collect;
        accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => (IPEndPoint)listener.LocalEndPoint!;

    /// <summary>Exchanges that were ended because the collector did not ask, or did not read, in time.</summary>
    public long GivenUp => Interlocked.Read(ref givenUp);

    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public static MetricsEndpoint Start(IPEndPoint address, Func<CancellationToken, Task<string>> collect)
    {
        ArgumentNullException.ThrowIfNull(address);
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(address);
            listener.Listen(Connections);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
        return new(listener, collect);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        listener.Dispose();
        await accepting.ConfigureAwait(false);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                await free.WaitAsync(stopping.Token).ConfigureAwait(false);
                Socket connection = await AcceptOneAsync().ConfigureAwait(false);
                _ = Task.Run(() => ServeAsync(connection));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The node ends.
        }
    }

    private async Task<Socket> AcceptOneAsync()
    {
        while (true)
        {
            try
            {
                return await listener.AcceptAsync(stopping.Token).ConfigureAwait(false);
            }
            catch (SocketException)
            {
                // Out of descriptors, or a caller who was gone at once.
                await Task.Delay(100, stopping.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            using (connection)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
                limit.CancelAfter(Exchange);
                using var stream = new NetworkStream(connection, ownsSocket: false);
                string? request = await ReadRequestLineAsync(stream, limit.Token).ConfigureAwait(false);
                (string status, string body) = request?.Split(' ') switch
                {
                    ["GET", "/metrics", "HTTP/1.1" or "HTTP/1.0"] => ("200 OK", await collect(limit.Token).ConfigureAwait(false)),
                    ["GET", _, "HTTP/1.1" or "HTTP/1.0"] => ("404 Not Found", "metrics are at /metrics\n"),
                    [_, _, "HTTP/1.1" or "HTTP/1.0"] => ("405 Method Not Allowed", "GET only\n"),
                    _ => ("400 Bad Request", "not HTTP\n"),
                };
                string head = string.Create(CultureInfo.InvariantCulture,
                    $"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n");
                await stream.WriteAsync(Encoding.UTF8.GetBytes(head + body), limit.Token).ConfigureAwait(false);
                connection.Shutdown(SocketShutdown.Send);
            }
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            Interlocked.Increment(ref givenUp);
        }
        catch (Exception)
        {
            // Gone, or the numbers could not be had: the scraper sees no answer, the node goes on.
        }
        finally
        {
            free.Release();
        }
    }

    /// <summary>Reads the whole head, so that closing does not reset the connection; gives its first line, or null if it is no head.</summary>
    private static async Task<string?> ReadRequestLineAsync(NetworkStream stream, CancellationToken cancellation)
    {
        byte[] buffer = new byte[RequestSize];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
            if (read == 0) return null;
            length += read;
            if (buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0)
                return Encoding.ASCII.GetString(buffer, 0, buffer.AsSpan(0, length).IndexOf("\r\n"u8));
        }
        return null;
    }
}
