using System.Globalization;
using System.Net.Sockets;

namespace JumpingVpn.Node.Lab.Postgres;

/// <summary>
/// One node's way to a database server: a Unix socket that forwards to the server's. It can fall silent, which nobody is told, or be cut,
/// which both ends see at once; neither touches another node's way.
/// </summary>
public sealed class PostgresLink : IDisposable
{
    private const int BufferSize = 64 * 1024;

    private readonly Lock gate = new();
    private readonly HashSet<Socket> sockets = [];
    private readonly UnixDomainSocketEndPoint upstreamEnd;
    private readonly string path;
    private Socket? listener;
    private TaskCompletionSource open = Opened();
    private long held;
    private bool disposed;

    /// <param name="directory">Made anew; the socket stands in it.</param>
    public PostgresLink(string directory, PostgresServer server)
    {
        Directory = directory;
        // PostgreSQL's clients look for this name in the directory that is their host.
        string name = string.Create(CultureInfo.InvariantCulture, $".s.PGSQL.{server.Port}");
        path = Path.Combine(directory, name);
        upstreamEnd = new UnixDomainSocketEndPoint(Path.Combine(server.SocketDirectory, name));
        System.IO.Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Listen();
    }

    /// <summary>What a connection string names as its host.</summary>
    public string Directory { get; }

    /// <summary>Pieces that a silence holds back, or connections that a cut has ended: that the fault met traffic.</summary>
    public long Met => Interlocked.Read(ref held);

    /// <summary>Forwards nothing any more, in either direction, and closes nothing. What comes meanwhile goes on when the link is mended.</summary>
    public void Silence()
    {
        lock (gate)
        {
            if (!open.Task.IsCompleted) return;
            open = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref held, 0);
        }
    }

    /// <summary>Closes every connection and takes no new one.</summary>
    public void Cut()
    {
        lock (gate)
        {
            Interlocked.Exchange(ref held, sockets.Count);
            CloseAll();
        }
    }

    /// <summary>Ends a silence or a cut.</summary>
    public void Mend()
    {
        lock (gate)
        {
            if (disposed) return;
            open.TrySetResult();
            if (listener is null) Listen();
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            CloseAll();
            open.TrySetResult();
        }
    }

    private static TaskCompletionSource Opened()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private void CloseAll()
    {
        listener?.Dispose();
        listener = null;
        File.Delete(path);
        foreach (Socket socket in sockets) socket.Dispose();
        sockets.Clear();
    }

    private void Listen()
    {
        File.Delete(path);
        listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(64);
        _ = AcceptAsync(listener);
    }

    private async Task AcceptAsync(Socket from)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await from.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // Cut, or done.
                return;
            }

            _ = ForwardAsync(client);
        }
    }

    private async Task ForwardAsync(Socket client)
    {
        var upstream = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (!Keep(client) || !Keep(upstream)) return;
            await PassAsync().ConfigureAwait(false);
            await upstream.ConnectAsync(upstreamEnd).ConfigureAwait(false);
            await Task.WhenAny(PumpAsync(client, upstream), PumpAsync(upstream, client)).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The server is not there, or the link was cut: the client sees its connection end.
        }
        finally
        {
            Drop(client);
            Drop(upstream);
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (true)
            {
                int received = await from.ReceiveAsync(buffer.AsMemory(), SocketFlags.None).ConfigureAwait(false);
                await PassAsync().ConfigureAwait(false);
                if (received == 0) return;
                for (int sent = 0; sent < received;) sent += await to.SendAsync(buffer.AsMemory(sent, received - sent), SocketFlags.None).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One end is gone: so is the connection, as soon as the link lets that through.
            await PassAsync().ConfigureAwait(false);
        }
    }

    private Task PassAsync()
    {
        Task passage;
        lock (gate) passage = open.Task;
        if (!passage.IsCompleted) Interlocked.Increment(ref held);
        return passage;
    }

    private bool Keep(Socket socket)
    {
        lock (gate)
        {
            if (listener is null) return false;
            sockets.Add(socket);
            return true;
        }
    }

    private void Drop(Socket socket)
    {
        lock (gate) sockets.Remove(socket);
        socket.Dispose();
    }
}
