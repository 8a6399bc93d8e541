using System.Collections.Immutable;
using System.Net;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests.Checks;
using JumpingVpn.Simulation.Tests.Crypto;
using JumpingVpn.Simulation.Tests.DataPlane;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Kernel;
using JumpingVpn.Simulation.Tests.Network;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

/// <summary>
/// One gateway with its store, or several that share one, some clients, their network and an attacker, in one thread under virtual time.
/// It runs the shipped cores; what is simulated is the rest of the world.
/// </summary>
internal sealed partial class World
{
    /// <summary>Within this after the last fault everybody must be attached again, with data flowing both ways.</summary>
    public static readonly TimeSpan RecoveryBound = TimeSpan.FromSeconds(15);

    private const int AddressesOfNode = 16;

    private readonly Scenario _scenario;
    private readonly Mutation _mutation;
    private readonly bool _isReal;
    private readonly Dictionary<PublicKey, Instant> _removed = [];
    private uint _nextAddress = 1;

    public World(Scenario scenario, bool keepsTrace, Mutation? mutation = null, bool isReal = false)
    {
        _scenario = scenario;
        _mutation = mutation ?? Mutation.None;
        _isReal = isReal;
        Random = new(new SimRandom(scenario.Seed).Next());
        Trace = new(Agenda, keepsTrace);
        Network = new(Agenda, Random.Fork(), Trace);
        ClusterKey = Bytes();
        GatewayKey = Bytes();
        using (NodeCryptography crypto = NewCryptography()) GatewayPublic = crypto.Crypto.PublicKeyOf(crypto.Crypto.Import(GatewayKey));
        Attacker = new(Network, Agenda, Random.Fork(), NewCryptography().Crypto, GatewayPublic);
        Oracle = new(Agenda, Trace)
        {
            Policy = Policy,
            OwnsAddress = (key, address) => Clients.Any(client => client.Key == key && client.Addresses.Contains(address)),
            Holds = (key, session) => !HasCopies && Clients.Any(client => client.Key == key && client.IsRunning && client.State.Session?.Id == session),
            IsRegistered = key => !_removed.ContainsKey(key),
            ClockRate = scenario.Cluster is null ? 1 : 1.02,
        };
        if (scenario.Cluster is { } cluster)
        {
            var store = new ClusterStore(Agenda, Random.Fork(), Trace, Oracle, _mutation, scenario.Store);
            Store = store;
            Leases = new(cluster.Times);
            Nodes = [.. cluster.Nodes.Select((plan, i) => new ClusterNode(this, store, cluster.Times, plan, i + 1))];
        }
        else
        {
            var store = new SimStore(Agenda, Random.Fork(), Trace, Oracle, scenario.Store) { IgnoresVersions = _mutation.StoreIgnoresVersions };
            Store = store;
            Nodes = [new SoleGateway(this, store)];
        }
        Network.ToGateway = datagram => NodeAt(datagram.To)?.Receive(datagram);
        for (int i = 0; i < scenario.Clients.Length; i++) Clients.Add(NewClient(i, scenario.Clients[i]));
        if (scenario.Cluster is null) return;
        Network.IsCut = IsCut;
        foreach (ClientHost client in Clients) Store.State.AddClient(new(client.Name, client.Key, AddressesOf(client)));
    }

    public Agenda Agenda { get; } = new();

    public SimRandom Random { get; }

    public Trace Trace { get; }

    public SimNetwork Network { get; }

    public Attacker Attacker { get; }

    public Oracle Oracle { get; }

    public SealLog Seals { get; } = new();

    public StoreFaults Store { get; }

    /// <summary>What the nodes' leases are by what was asked and answered; only of several that share a store.</summary>
    public LeaseWatch Leases { get; } = null!;

    public ImmutableArray<GatewayHost> Nodes { get; }

    public List<ClientHost> Clients { get; } = [];

    public SessionPolicy Policy => _scenario.Policy;

    public byte[] ClusterKey { get; }

    public byte[] GatewayKey { get; }

    public PublicKey GatewayPublic { get; }

    public byte GatewaySuites { get; } = CipherSuites.Offer([CipherSuite.Aes256Gcm, CipherSuite.ChaCha20Poly1305]);

    public byte ClientSuites => GatewaySuites;

    /// <summary>All that a client knows of, node by node.</summary>
    public ImmutableArray<Endpoint> GatewayEndpoints => _scenario.Cluster is { } cluster
        ? [.. cluster.Nodes.SelectMany((node, i) => Enumerable.Range(1, node.Endpoints).Select(j => GatewayEndpoint((AddressesOfNode * i) + j)))]
        : [.. Enumerable.Range(1, _scenario.Endpoints).Select(GatewayEndpoint)];

    /// <summary>What is broken on purpose.</summary>
    public Mutation Broken => _mutation;

    /// <summary>The gateway's present token secret, for mutations that must know it.</summary>
    public SecretHandle TokenSecret { get; set; }

    public bool HasCopies { get; private set; }

    /// <summary>The scenario is over: what was to start later starts no more.</summary>
    public bool IsLeaving { get; private set; }

    public bool HadDiskFailures { get; private set; }

    /// <summary>The store never refuses what its only writer asks for.</summary>
    public bool IsStoreStrict => !_mutation.StoreIgnoresVersions;

    public NodeCryptography NewCryptography() => _isReal ? NodeCryptography.Real() : NodeCryptography.Simulated();

    /// <summary>A node's cryptography under watch, and broken where a mutation says so.</summary>
    public ICryptography Decorate(ICryptography crypto, bool isGateway)
    {
        var watched = new SealWatch(crypto, Seals);
        return isGateway && _mutation.GatewayCryptography is { } broken ? broken(this, watched) : watched;
    }

    public ModelDataPlane NewDataPlane(ICryptography crypto, IModelHost host) =>
        new(crypto, host) { IgnoresHeld = _mutation.DeliversHeld, IgnoresSource = _mutation.DeliversUnbound, IgnoresLease = _mutation.DeliversWithoutLease };

    public ClientRegistry Registry() => ClientRegistry.From(Clients
        .Where(client => !_removed.ContainsKey(client.Key))
        .DistinctBy(client => client.Key)
        .Select(client => new RegisteredClient("client" + client.Number, client.Key, AddressesOf(client), SecretHandle.None)));

    /// <summary>How much later than asked a timer fires.</summary>
    public TimeSpan TimerLateness() => Random.Time(TimeSpan.Zero, Agenda.Now < _lagUntil ? _lag : TimeSpan.FromMicroseconds(300));

    /// <summary>Runs the whole scenario; throws <see cref="SimulationException"/> at the first thing that must not be.</summary>
    public void Run()
    {
        try
        {
            Begin();
            // Nodes that share a store begin with a lease.
            Instant begin = Agenda.Now + TimeSpan.FromMilliseconds(_scenario.Cluster is null ? 300 : 500);
            foreach (Scheduled scheduled in _scenario.Events) Agenda.At(begin + scheduled.At, () => Apply(scheduled.What));
            Agenda.RunUntil(begin + _scenario.Length);
            Heal();
            AwaitRecovery();
            Leave();
        }
        catch (Exception broken) when (broken is not SimulationException)
        {
            throw new SimulationException($"a broken invariant: {broken.Message}\n{broken.StackTrace}");
        }
    }

    /// <summary>Starts the nodes, the clients and their traffic; the first part of <see cref="Run"/>, for tests that do the rest themselves.</summary>
    public void Begin()
    {
        foreach (GatewayHost node in Nodes) node.Start();
        foreach (ClientHost client in Clients)
        {
            Agenda.After(Random.Milliseconds(0, 100), client.Start);
            StartTraffic(client, _scenario.Clients[client.Number].TrafficEvery);
        }
    }

    private static Endpoint GatewayEndpoint(int number) => Endpoint.From(IPAddress.Parse($"192.0.2.{number}"), 51830);

    private GatewayHost? NodeAt(Endpoint address)
    {
        if (_scenario.Cluster is null) return Nodes[0];
        int number = (int)(address.Address & 0xFF) / AddressesOfNode;
        return number < Nodes.Length ? Nodes[number] : null;
    }

    private static AddressSet AddressesOf(ClientHost client)
    {
        AddressSet.TryCreate([new IpPrefix(client.InnerAddress, 32, true)], out AddressSet addresses);
        return addresses;
    }

    private byte[] Bytes()
    {
        byte[] bytes = new byte[ICryptography.SecretSize];
        Random.Fill(bytes);
        return bytes;
    }

    private ClientHost NewClient(int number, ClientPlan plan) => new(this, number, plan.KeepsState,
    [
        .. plan.Uplinks.Select((uplink, i) => new SimUplink("wan" + (i + 1), i + 2, uplink.HasNat ? NewInside() : NewOutside(), uplink.HasNat ? NewOutside() : null)
        {
            Delay = uplink.Delay,
            Jitter = uplink.Jitter,
        }),
    ]);

    private UInt128 NewOutside() => Endpoint.FromIPv4(0xCB007100 + _nextAddress++, 0).Address;

    private UInt128 NewInside() => Endpoint.FromIPv4(0x0A000000 + _nextAddress++, 0).Address;
}
