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

    private async Task<ControlResponse> AskAsync(ControlRequest request)
    {
        using var limit = new CancellationTokenSource(ControlLimits.Answer + ControlLimits.Write);
        try
        {
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n'];
            await stream.WriteAsync(line, limit.Token).ConfigureAwait(false);
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
