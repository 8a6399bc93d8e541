using System.Net;
using System.Net.Sockets;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench.Load;

/// <summary>Many clients on one thread: a socket for each, one wait for all, and the timers in order.</summary>
internal sealed class LoadRig : IDisposable
{
    private const int DatagramsPerTurn = 16;

    /// <summary>Timers that fire between two looks at the sockets: thousands that are due at once must not keep answers waiting.</summary>
    private const int TimersPerTurn = 32;

    private readonly SecretArena arena;
    private readonly LoadWorld world;
    private readonly LabNamespace space;
    private readonly IPAddress local;
    private readonly SocketAddress[] nodes;
    private readonly Socket[] sockets;
    private readonly SocketAddress source = new(AddressFamily.InterNetwork);
    private readonly byte[] buffer = new byte[2048];
    private readonly Epoll epoll = new();
    private readonly EpollReady[] ready = new EpollReady[Epoll.MaxReady];
    private readonly PriorityQueue<int, long> timers = new();

    /// <param name="space">Where the sockets are; they send from <paramref name="local"/>.</param>
    /// <param name="nodes">The addresses of nodes 1 and 2.</param>
    public LoadRig(LabNamespace space, IPAddress local, PublicKey gateway, IPEndPoint[] nodes, int clients)
    {
        const int secretsPerClient = 32;
        this.space = space;
        this.local = local;
        this.nodes = [.. nodes.Select(node => node.Serialize())];
        arena = new SecretArena(Math.Max(SecretArena.DefaultCapacity, clients * secretsPerClient));
        world = new LoadWorld(new SodiumCryptography(arena), gateway, Send);
        Clients = [.. Enumerable.Range(0, clients).Select(number => new LoadClient(world, number))];
        sockets = space.Run(() => Clients.Select(_ => Open()).ToArray());
        for (int number = 0; number < clients; number++) Watch(number);
    }

    public IReadOnlyList<LoadClient> Clients { get; }

    /// <summary>No client waits for anything.</summary>
    public bool AreSettled => world.Busy == 0;

    /// <summary>Gives clients other sockets, and so other ports: their transports are gone.</summary>
    public void Replace(IEnumerable<LoadClient> clients)
    {
        LoadClient[] moved = [.. clients];
        Socket[] fresh = space.Run(() => moved.Select(_ => Open()).ToArray());
        for (int index = 0; index < moved.Length; index++)
        {
            int number = moved[index].Number;
            epoll.Remove((int)sockets[number].Handle);
            sockets[number].Dispose();
            sockets[number] = fresh[index];
            Watch(number);
        }
    }

    /// <summary>Something was begun for this client: its timers count from now on.</summary>
    public void Schedule(LoadClient client)
    {
        if (client.NextAt != long.MaxValue) timers.Enqueue(client.Number, client.NextAt);
    }

    /// <summary>Receives and repeats until the condition holds; false if the time is over before.</summary>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        long deadline = LabClock.Now + (long)(limit.TotalMilliseconds * LabClock.Millisecond);
        while (!condition())
        {
            if (LabClock.Now > deadline) return false;
            Turn();
        }

        return true;
    }

    public void Dispose()
    {
        foreach (Socket socket in sockets) socket.Dispose();
        epoll.Dispose();
        foreach (LoadClient client in Clients) client.Forget();
        arena.Dispose();
    }

    private void Turn()
    {
        long now = LabClock.Now;
        for (int fired = 0; fired < TimersPerTurn && timers.TryPeek(out int number, out long at) && at <= now; fired++)
        {
            timers.Dequeue();
            LoadClient client = Clients[number];
            // An entry of a time that has been put off since: another one stands for it.
            if (client.NextAt > now) continue;
            client.Fire(now);
            Schedule(client);
        }

        TimeSpan wait = timers.TryPeek(out _, out long next) ? TimeSpan.FromMilliseconds(Math.Clamp(LabClock.ToMilliseconds(next - LabClock.Now), 0, 10)) : TimeSpan.FromMilliseconds(10);
        int count = epoll.Wait(ready, wait);
        for (int index = 0; index < count; index++) Receive(ready[index].Token);
    }

    private void Receive(int number)
    {
        LoadClient client = Clients[number];
        Socket socket = sockets[number];
        for (int datagram = 0; datagram < DatagramsPerTurn && socket.Available > 0; datagram++)
        {
            int length;
            try
            {
                length = socket.ReceiveFrom(buffer, SocketFlags.None, source);
            }
            catch (SocketException)
            {
                // A port that nobody listens on any more: the node is dead, which the client finds out by itself.
                continue;
            }

            int node = source.Equals(nodes[0]) ? 1 : source.Equals(nodes[1]) ? 2 : 0;
            if (node != 0) client.Receive(node, buffer.AsSpan(0, length), LabClock.Now);
        }

        Schedule(client);
    }

    private void Send(LoadClient client, int node, ReadOnlySpan<byte> datagram)
    {
        try
        {
            sockets[client.Number].SendTo(datagram, SocketFlags.None, nodes[node - 1]);
        }
        catch (SocketException)
        {
            // Lost, as any datagram may be.
        }
    }

    private void Watch(int number) => epoll.Add((int)sockets[number].Handle, EpollEvents.Readable, number);

    private Socket Open()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        socket.Bind(new IPEndPoint(local, 0));
        return socket;
    }
}
