using System.Globalization;
using System.Net.Sockets;
using JumpingVpn.Node.Lab.Probes;

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
    private readonly ManualResetEventSlim open = new(initialState: true);
    private long held;
    private volatile bool disposed;

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
        Interlocked.Exchange(ref held, 0);
        open.Reset();
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
            open.Set();
            if (listener is null) Listen();
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            CloseAll();
            open.Set();
        }
    }

    private void CloseAll()
    {
        listener?.Dispose();
        listener = null;
        File.Delete(path);
        foreach (Socket socket in sockets) Close(socket);
        sockets.Clear();
    }

    private void Listen()
    {
        File.Delete(path);
        Socket fresh = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        fresh.Bind(new UnixDomainSocketEndPoint(path));
        fresh.Listen(64);
        listener = fresh;
        ProbeThread.Start("database link", () => Accept(fresh));
    }

    private void Accept(Socket from)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = from.Accept();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // Cut, or done.
                return;
            }

            ProbeThread.Start("database link to the server", () => Forward(client));
        }
    }

    private void Forward(Socket client)
    {
        var upstream = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (!Keep(client) || !Keep(upstream)) return;
            Pass();
            upstream.Connect(upstreamEnd);
            Thread back = ProbeThread.Start("database link to the node", () => Pump(upstream, client));
            Pump(client, upstream);
            back.Join();
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

    private void Pump(Socket from, Socket to)
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (true)
            {
                int received = from.Receive(buffer);
                Pass();
                if (received == 0) break;
                for (int sent = 0; sent < received;) sent += to.Send(buffer.AsSpan(sent, received - sent), SocketFlags.None);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One end is gone: so is the connection, as soon as the link lets that through.
            Pass();
        }

        Close(from);
        Close(to);
    }

    private void Pass()
    {
        if (open.IsSet) return;
        Interlocked.Increment(ref held);
        open.Wait();
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

    /// <summary>Ends the connection; whoever waits on it, in another thread, comes back.</summary>
    private static void Close(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It has ended already.
        }
    }
}
