using System.Net;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Simulation.Tests;
using JumpingVpn.Simulation.Tests.Hosts;
using JumpingVpn.Simulation.Tests.Network;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>
/// A simulated world of two clients that was brought into a state and then stopped for good, with all control messages that were sent
/// until then. Whatever the cores are told from here on is told to copies of their states.
/// </summary>
internal sealed class Situation
{
    private const int MostRecorded = 400;

    private readonly HashSet<MessageType> _withheld = [];

    private Situation(ulong seed, bool isReal)
    {
        var uplink = new UplinkPlan(HasNat: true, TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(1));
        var client = new ClientPlan(KeepsState: true, TimeSpan.FromMilliseconds(10), [uplink, uplink]);
        SessionPolicy policy = SessionPolicy.Default with { MaxRecoveriesPerMinute = 4, MaxSwitchesPerMinute = 4 };
        World = new(new(seed, 1, policy, new StorePolicy(64, 40_000, 2_000, TimeSpan.FromHours(1)), [client, client with { KeepsState = false }], [], TimeSpan.Zero), keepsTrace: false, isReal: isReal);
        World.Network.Passes = datagram =>
        {
            if (datagram.Type != MessageType.Data && datagram.Type != 0 && Genuine.Count < MostRecorded) Genuine.Add(datagram);
            return !_withheld.Contains(datagram.Type);
        };
        World.Begin();
    }

    /// <summary>What each brings about, by name.</summary>
    private static readonly (string Name, Action<Situation> Bring)[] Known =
    [
        ("connecting", it => it.Withhold(MessageType.Response).Run(150)),
        ("confirming", it => it.Withhold(MessageType.Bound).Run(200)),
        ("attached", it => it.Run(2_000)),
        ("preparing", it => it.Run(1_000).Withhold(MessageType.Prepared).CutBound().Run(30)),
        ("rebinding", it => it.Run(1_000).Withhold(MessageType.Bound).CutBound().Run(14)),
        ("moving by choice", it => it.Run(1_000).Withhold(MessageType.Bound).Degrade(0, 40).Run(1_200)),
        ("volatile", it => it.Run(1_000).Degrade(0, 20).Degrade(1, 20).RunUntil(SessionState.Volatile)),
        ("degraded", it => it.Run(1_000).Oscillate()),
        ("recovering", it => it.Run(1_000).Silence().Run(3_000)),
        ("gateway restarted", it => it.Run(1_000).Restart().Run(1)),
        ("gateway restarted, claimed", it => it.Run(1_000).Restart().Run(1_500)),
        ("store away", it => it.Run(1_000).StoreAway().CutBound().Run(200)),
        ("ending, store away", it => it.Run(1_000).StoreAway().EndFirst().Run(20)),
        ("ended", it => it.Run(1_000).EndFirst().Run(20)),
        ("client stopping", it => it.Run(1_000).Withhold(MessageType.Ended).StopClients().Run(50)),
        ("draining", it => it.Run(1_000).StoreAway().Drain().Run(20)),
    ];

    public static int Count => Known.Length;

    public World World { get; }

    public string Name { get; private init; } = "";

    /// <summary>Control messages that were sent, whether or not they arrived.</summary>
    public List<Datagram> Genuine { get; } = [];

    public GatewayHost Gateway => World.Nodes[0];

    public ClientHost Client(int number) => World.Clients[number % World.Clients.Count];

    /// <summary>Somebody whom nobody knows.</summary>
    public static Endpoint Stranger { get; } = Endpoint.From(IPAddress.Parse("198.18.66.6"), 6666);

    /// <param name="world">Which of many worlds: each has its own keys, so what was said in one proves nothing in another.</param>
    public static Situation Make(int number, bool isReal, ulong world = 1)
    {
        (string name, Action<Situation> bring) = Known[number];
        var situation = new Situation((ulong)number + world, isReal) { Name = name };
        bring(situation);
        // What is due anyway would be done with whatever comes next.
        for (int i = 0; i < 200 && situation.IsDue; i++) situation.Run(0.3);
        return situation;
    }

    private bool IsDue => World.Clients.Any(client => client.IsRunning && ClientCore.NextDeadline(client.State) <= client.Now);

    private Situation Run(double milliseconds)
    {
        World.Agenda.RunUntil(World.Agenda.Now + TimeSpan.FromMilliseconds(milliseconds));
        return this;
    }

    private Situation RunUntil(SessionState state)
    {
        for (int i = 0; i < 200 && Client(0).State.Session?.State != state; i++) Run(100);
        return this;
    }

    private Situation Withhold(MessageType type)
    {
        _withheld.Add(type);
        return this;
    }

    private Situation CutBound()
    {
        foreach (ClientHost client in World.Clients)
        {
            (client.Uplinks.FirstOrDefault(uplink => uplink.Name == client.State.Session?.Bound?.Uplink) ?? client.Uplinks[0]).IsUp = false;
            client.TellUplinks();
        }
        return this;
    }

    private Situation Degrade(int uplink, int percent)
    {
        foreach (ClientHost client in World.Clients) client.Uplinks[uplink].LossPercent = percent;
        return this;
    }

    private Situation Silence()
    {
        foreach (SimUplink uplink in World.Clients.SelectMany(client => client.Uplinks)) uplink.LosesUp = uplink.LosesDown = true;
        return this;
    }

    private Situation Oscillate()
    {
        for (int i = 0; i < 60 && Client(0).State.Session?.State != SessionState.Degraded; i++)
        {
            foreach (ClientHost client in World.Clients)
                for (int uplink = 0; uplink < 2; uplink++) client.Uplinks[uplink].LosesUp = client.Uplinks[uplink].LosesDown = i % 2 == uplink;
            Run(600);
        }
        return this;
    }

    private Situation Restart()
    {
        Gateway.Kill();
        Gateway.Start();
        return this;
    }

    private Situation StoreAway()
    {
        // It takes what it is given and answers nothing: appends are under way for good.
        World.Store.Latency = (TimeSpan.FromHours(1), TimeSpan.FromHours(1));
        return this;
    }

    private Situation EndFirst()
    {
        SessionId session = Gateway.State.ByClient[Client(0).Key];
        World.Oracle.AskedToEnd.Add(session);
        Gateway.Post(new GatewayInput.TerminateRequested(session, 1));
        return this;
    }

    private Situation StopClients()
    {
        foreach (ClientHost client in World.Clients) client.Stop();
        return this;
    }

    private Situation Drain()
    {
        Gateway.Post(new GatewayInput.Drain());
        return this;
    }
}
