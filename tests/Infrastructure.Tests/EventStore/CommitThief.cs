using System.Net.Sockets;
using System.Text;
using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

/// <summary>What becomes of the commit that is stolen.</summary>
internal enum Theft
{
    /// <summary>It never reaches the server.</summary>
    Commit,

    /// <summary>It reaches the server; the answer never comes back.</summary>
    Answer,
}

/// <summary>
/// A way to the server by a Unix socket of its own that cuts a connection once, at its first commit after <see cref="Arm"/>. It knows
/// a commit by its text, which a connection sends until it has prepared the statement at its second use.
/// </summary>
internal sealed class CommitThief : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _server;
    private readonly string _port;
    private volatile Box? _armed;

    public CommitThief(PostgresServer server)
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("jumping-vpn-thief-").FullName;
        _port = $".s.PGSQL.{server.Port}";
        _server = Path.Combine(server.SocketDirectory, _port);
        _listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(Directory, _port)));
        _listener.Listen();
        _ = AcceptAsync();
    }

    private sealed record Box(Theft Theft);

    public string Directory { get; }

    public void Arm(Theft theft) => _armed = new(theft);

    public bool HasStolen => _armed is null;

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
            var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await server.ConnectAsync(new UnixDomainSocketEndPoint(_server));
            var link = new Link(client, server);
            _ = RequestsAsync(link);
            _ = AnswersAsync(link);
        }
    }

    private sealed class Link(Socket client, Socket server)
    {
        public Socket Client => client;

        public Socket Server => server;

        public volatile bool SwallowsAnswers;

        public void Cut()
        {
            client.Dispose();
            server.Dispose();
        }
    }

    private async Task RequestsAsync(Link link)
    {
        byte[] buffer = new byte[65536];
        try
        {
            for (int length; (length = await link.Client.ReceiveAsync(buffer, _stop.Token)) > 0;)
            {
                if (_armed is { } armed && buffer.AsSpan(0, length).IndexOf(Encoding.ASCII.GetBytes("COMMIT\0")) >= 0)
                {
                    _armed = null;
                    if (armed.Theft == Theft.Commit) break;
                    link.SwallowsAnswers = true;
                }
                await link.Server.SendAsync(buffer.AsMemory(0, length), _stop.Token);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Either end is gone.
        }
        link.Cut();
    }

    private async Task AnswersAsync(Link link)
    {
        byte[] buffer = new byte[65536];
        try
        {
            for (int length; (length = await link.Server.ReceiveAsync(buffer, _stop.Token)) > 0;)
            {
                // The answer shows that the server has committed.
                if (link.SwallowsAnswers) break;
                await link.Client.SendAsync(buffer.AsMemory(0, length), _stop.Token);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Either end is gone.
        }
        link.Cut();
    }
}
