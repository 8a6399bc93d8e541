using System.Net.Sockets;
using System.Text.Json;
using System.Diagnostics.CodeAnalysis;

namespace JumpingVpn.Node.Control;

/// <summary>Asks a running node. One connection may ask many times.</summary>
public sealed class ControlClient : IDisposable
{
    private readonly string path;
    private readonly Socket socket;
    private readonly NetworkStream stream;
    private readonly LineReader lines;

    private ControlClient(string path, Socket socket)
    {
        this.path = path;
        this.socket = socket;
        stream = new NetworkStream(socket, ownsSocket: false);
        lines = new LineReader(stream, ControlLimits.ResponseSize);
    }

    /// <summary>Connects; false with the reason if nobody answers there.</summary>
    public static bool TryConnect(string path, [NotNullWhen(true)] out ControlClient? client, [NotNullWhen(false)] out string? problem)
    {
        client = null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            client = new(path, socket);
            problem = null;
            return true;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            problem = e.SocketErrorCode switch
            {
                // What .NET makes of ENOENT.
                SocketError.AddressNotAvailable => $"{path}: no such control socket; is the node running?",
                SocketError.AccessDenied => $"{path}: permission denied",
                SocketError.ConnectionRefused => $"{path}: no node listens here",
                _ => $"{path}: {e.Message}",
            };
        }
        catch (ArgumentException)
        {
            socket.Dispose();
            problem = $"{path}: no path of a socket";
        }
        return false;
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <exception cref="IOException">The node went away, did not answer in time, or answered with what is no answer.</exception>
    public ControlResponse Ask(ControlRequest request) => AskAsync(request).GetAwaiter().GetResult();

    /// <summary>Fetches an incident file piece by piece; gives the last answer.</summary>
    /// <exception cref="IOException">As for <see cref="Ask"/>.</exception>
    public ControlResponse Export(Domain.Primitives.SessionId session, Action<byte[]> take)
    {
        ControlResponse response = ExchangeAsync(new() { Op = ControlNames.Export, Session = session.ToString() }, ControlLimits.Export).GetAwaiter().GetResult();
        while (true)
        {
            if (response is { Ok: true, Data: { } data }) take(data);
            if (response.More != true) return response;
            response = ExchangeAsync(null, ControlLimits.Export).GetAwaiter().GetResult();
        }
    }

    private Task<ControlResponse> AskAsync(ControlRequest request) => ExchangeAsync(request, ControlLimits.Answer + ControlLimits.Write);

    /// <summary>Sends a request, or none where another answer to the last one is due, and reads an answer.</summary>
    private async Task<ControlResponse> ExchangeAsync(ControlRequest? request, TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        try
        {
            if (request is not null)
            {
                byte[] question = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n'];
                await stream.WriteAsync(question, limit.Token).ConfigureAwait(false);
            }
            (bool more, ReadOnlyMemory<byte> answer) = await lines.ReadAsync(limit.Token).ConfigureAwait(false);
            if (!more) throw new IOException(lines.TooLong ? $"{path}: the answer is too long" : $"{path}: the node closed the connection");
            return JsonSerializer.Deserialize(answer.Span, ControlJson.Default.ControlResponse) ?? throw new JsonException();
        }
        catch (OperationCanceledException)
        {
            throw new IOException($"{path}: the node does not answer");
        }
        catch (JsonException)
        {
            throw new IOException($"{path}: what answers here is no jumping-vpn of this version");
        }
        catch (IOException e) when (e.InnerException is SocketException inner)
        {
            throw new IOException($"{path}: {inner.Message}", e);
        }
    }

    public void Dispose()
    {
        stream.Dispose();
        socket.Dispose();
    }
}
