using System.Net.Sockets;
using System.Text.Json;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Control;

/// <summary>
/// Answers operators on a Unix socket, in lines of JSON. The socket appears with <see cref="Start"/>, when the node is ready,
/// and goes with <see cref="DisposeAsync"/>. Whatever bytes come, the node goes on.
/// </summary>
public sealed class ControlServer : IAsyncDisposable
{
    private readonly INodeControl node;
    private readonly ControlSocket socket;
    private readonly int most;
    private readonly CancellationTokenSource stopping = new();
    private readonly SemaphoreSlim oneAtATime = new(1);
    private readonly SemaphoreSlim oneExport = new(1);
    private readonly Lock gate = new();
    private readonly List<Task> connections = [];
    private readonly Task accepting;
    private int disposed;

    private ControlServer(INodeControl node, ControlSocket socket, int most)
    {
        this.node = node;
        this.socket = socket;
        this.most = most;
        accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Makes the socket, with its mode and group, and begins to answer.</summary>
    /// <param name="most">Connections at a time.</param>
    /// <exception cref="Infrastructure.Linux.LinuxException">The socket cannot be made, or a running node has it; the message is one line.</exception>
    public static ControlServer Start(Configuration.ControlConfiguration configuration, INodeControl node, int most = ControlLimits.Connections) =>
        new(node, ControlSocket.Listen(configuration), most);

    /// <summary>Removes the socket and ends the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0) return;
        await stopping.CancelAsync().ConfigureAwait(false);
        socket.Dispose();
        await accepting.ConfigureAwait(false);
        Task[] open;
        lock (gate) open = [.. connections];
        await Task.WhenAll(open).WaitAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stopping.Dispose();
        oneAtATime.Dispose();
        oneExport.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            Socket connection;
            try
            {
                connection = await socket.Listener.AcceptAsync(stopping.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, or a caller who was gone at once: wait a little instead of spinning.
                await Task.Delay(100).ConfigureAwait(false);
                continue;
            }
            lock (gate)
            {
                connections.RemoveAll(task => task.IsCompleted);
                connections.Add(connections.Count < most ? Task.Run(() => ServeAsync(connection)) : Task.Run(() => TurnAwayAsync(connection)));
            }
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            using (connection)
            {
                using var stream = new NetworkStream(connection, ownsSocket: false);
                var lines = new LineReader(stream, ControlLimits.RequestSize);
                while (!stopping.IsCancellationRequested)
                {
                    using var idle = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
                    idle.CancelAfter(ControlLimits.Idle);
                    (bool more, ReadOnlyMemory<byte> line) = await lines.ReadAsync(idle.Token).ConfigureAwait(false);
                    if (!more)
                    {
                        if (lines.TooLong) await WriteAsync(stream, ControlResponse.Refused(ControlNames.BadRequest, "the request is too long")).ConfigureAwait(false);
                        return;
                    }
                    ControlRequest? request = Read(line);
                    ControlResponse answer = request?.Op == ControlNames.Export
                        ? await ExportAsync(request, stream).ConfigureAwait(false)
                        : await AnswerAsync(request).ConfigureAwait(false);
                    await WriteAsync(stream, answer).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The caller is gone, silent or does not read: the connection ends, and that is all.
        }
    }

    private async Task TurnAwayAsync(Socket connection)
    {
        try
        {
            using (connection)
            {
                using var stream = new NetworkStream(connection, ownsSocket: false);
                await WriteAsync(stream, ControlResponse.Refused(ControlNames.TooManyConnections, "too many connections to this control socket")).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // As above.
        }
    }

    private static ControlRequest? Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, ControlJson.Default.ControlRequest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// Sends an incident file in pieces, each an answer of its own; gives the last one. It is put together in a file without a name, so
    /// that a slow reader holds nothing but itself up, and one at a time.
    /// </summary>
    private async Task<ControlResponse> ExportAsync(ControlRequest request, NetworkStream stream)
    {
        if (!SessionId.TryParse(request.Session, out SessionId id)) return ControlResponse.Refused(ControlNames.BadRequest, "session: 32 hexadecimal digits are expected");
        if (!await oneExport.WaitAsync(TimeSpan.Zero).ConfigureAwait(false)) return ControlResponse.Refused(ControlNames.Failed, "another export is being made; try again");
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
            limit.CancelAfter(ControlLimits.Export);
            string path = Path.Combine(Path.GetTempPath(), "jumping-vpn-export-" + Path.GetRandomFileName());
            await using var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            File.Delete(path);
            if (await Task.Run(() => node.ExportSessionAsync(id, file, limit.Token), limit.Token).WaitAsync(limit.Token).ConfigureAwait(false) is { } problem)
                return ControlResponse.Refused(ControlNames.UnknownSession, problem);
            file.Position = 0;
            var chunk = new byte[ControlLimits.ExportChunk];
            while (true)
            {
                int read = await file.ReadAtLeastAsync(chunk, chunk.Length, throwOnEndOfStream: false, limit.Token).ConfigureAwait(false);
                if (read < chunk.Length) return new() { Ok = true, Data = chunk[..read], More = false };
                await WriteAsync(stream, new() { Ok = true, Data = chunk, More = true }).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            return ControlResponse.Refused(ControlNames.TimedOut, "the export was not done in time");
        }
        catch (Exception e) when (e is not (ObjectDisposedException or SocketException) && e.InnerException is not SocketException)
        {
            return ControlResponse.Refused(ControlNames.Failed, Printable.OneLine($"{e.GetType().Name}: {e.Message}"));
        }
        finally
        {
            oneExport.Release();
        }
    }

    private async Task<ControlResponse> AnswerAsync(ControlRequest? request)
    {
        if (request?.Op is null) return ControlResponse.Refused(ControlNames.BadRequest, "a request is one line of JSON: {\"op\": \"status\"}");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        limit.CancelAfter(ControlLimits.Answer);
        try
        {
            await oneAtATime.WaitAsync(limit.Token).ConfigureAwait(false);
            try
            {
                return await ServeAsync(request, limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            }
            finally
            {
                oneAtATime.Release();
            }
        }
        catch (OperationCanceledException)
        {
            return ControlResponse.Refused(ControlNames.TimedOut, "the node did not answer in time");
        }
        catch (Exception e) when (e is not ObjectDisposedException)
        {
            return ControlResponse.Refused(ControlNames.Failed, Printable.OneLine($"{e.GetType().Name}: {e.Message}"));
        }
    }

    private async Task<ControlResponse> ServeAsync(ControlRequest request, CancellationToken cancellation)
    {
        switch (request.Op)
        {
            case ControlNames.Status:
                return new() { Ok = true, Status = await node.SnapshotAsync(cancellation).ConfigureAwait(false) };
            case ControlNames.Terminate:
                if (!SessionId.TryParse(request.Session, out SessionId id))
                    return ControlResponse.Refused(ControlNames.BadRequest, "session: 32 hexadecimal digits are expected");
                return await node.TerminateSessionAsync(id, cancellation).ConfigureAwait(false) switch
                {
                    TerminationOutcome.Terminated => new() { Ok = true },
                    TerminationOutcome.UnknownSession => ControlResponse.Refused(ControlNames.UnknownSession, $"{id}: no such session on this node"),
                    TerminationOutcome.AlreadyEnded => ControlResponse.Refused(ControlNames.AlreadyEnded, $"{id}: has ended already"),
                    TerminationOutcome.NotStored => ControlResponse.Refused(ControlNames.NotStored, $"{id}: its traffic has stopped, but the store does not take the end now; the node goes on trying"),
                    _ => throw new InvalidOperationException("unknown outcome"),
                };
            default:
                return ControlResponse.Refused(ControlNames.UnknownOperation, $"{Printable.Quoted(Printable.OneLine(request.Op!))}: no such operation");
        }
    }

    private async Task WriteAsync(NetworkStream stream, ControlResponse response)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        limit.CancelAfter(ControlLimits.Write);
        await JsonSerializer.SerializeAsync(stream, response, ControlJson.Default.ControlResponse, limit.Token).ConfigureAwait(false);
        await stream.WriteAsync("\n"u8.ToArray(), limit.Token).ConfigureAwait(false);
    }
}
