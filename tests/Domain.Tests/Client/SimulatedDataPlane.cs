using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>The data plane as the client core sees it: it refuses what the real one refuses, and remembers what it was told.</summary>
internal sealed class SimulatedDataPlane
{
    /// <summary>Epochs that the data plane has left: it cannot send under them again.</summary>
    private readonly HashSet<uint> _replaced = [];

    private bool _armed;

    public SessionId? Session { get; private set; }

    public Dictionary<uint, SimulatedEpoch> Epochs { get; } = [];

    public (uint Index, TransportAddress Transport)? Bound { get; private set; }

    public int InnerMtu { get; private set; }

    public Instant LastSent { get; set; }

    public Instant LastReceived { get; private set; }

    public int Duplicates { get; private set; }

    public bool IsArmed => _armed;

    public TrafficCounters Counters => Bound is { } bound && Epochs.TryGetValue(bound.Index, out SimulatedEpoch? epoch)
        ? new(bound.Index, epoch.Sent, epoch.HighestReceived, (ulong)epoch.Seen.Count, LastReceived, LastSent, 0, 0, 0, 0)
        : new(0, 0, 0, 0, LastReceived, LastSent, 0, 0, 0, 0);

    public bool TryDisarm()
    {
        bool was = _armed;
        _armed = false;
        return was;
    }

    public void Apply(ClientWorld world, ClientEffect effect)
    {
        switch (effect)
        {
            case ClientEffect.OpenSession open:
                Assert.Null(Session);
                Session = open.Session;
                InnerMtu = open.InnerMtu;
                break;
            case ClientEffect.InstallEpoch install:
                Assert.Equal(Session, install.Session);
                Epochs.Add(install.Keys.LocalIndex, new(install.Keys, install.Source, EpochMark.Of(world.Crypto, install.Keys.Receive, install.Keys.Send)));
                break;
            case ClientEffect.Bind bind:
                Assert.Equal(Session, bind.Session);
                ulong oldEnd = Bound is { } old && Epochs.TryGetValue(old.Index, out SimulatedEpoch? before) ? before.Sent : 0;
                Assert.True(Epochs.ContainsKey(bind.LocalIndex), "an epoch that is not installed was bound");
                Assert.DoesNotContain(bind.LocalIndex, _replaced);
                if (Bound is { } replaced && replaced.Index != bind.LocalIndex) _replaced.Add(replaced.Index);
                Bound = (bind.LocalIndex, bind.Transport);
                world.Later(TimeSpan.Zero, () => world.Input(new ClientInput.TransportBound(bind.LocalIndex, oldEnd)));
                break;
            case ClientEffect.LimitEpoch limit:
                Epochs[limit.LocalIndex].End = limit.End;
                break;
            case ClientEffect.RemoveEpoch remove:
                Assert.NotEqual(remove.LocalIndex, Bound?.Index);
                Assert.True(Epochs.Remove(remove.LocalIndex), "an epoch was removed twice");
                break;
            case ClientEffect.CloseSession close:
                Assert.Equal(Session, close.Session);
                Session = null;
                Bound = null;
                Epochs.Clear();
                break;
            case ClientEffect.SetInnerMtu set:
                InnerMtu = set.InnerMtu;
                break;
            case ClientEffect.ArmTrafficResumed:
                _armed = true;
                break;
            default:
                throw new InvalidOperationException("no effect of the data plane: " + effect);
        }
    }

    public void Receive(ClientWorld world, SimulatedSocket socket, TransportAddress from, PeerEpoch peer, ulong counter)
    {
        if (!Epochs.TryGetValue(peer.RemoteIndex, out SimulatedEpoch? epoch)) return;
        Assert.Equal(peer.Mark, epoch.Mark);
        if (epoch.Source.Socket != socket.Number || epoch.Source.Remote != from.Local || counter >= epoch.End) return;
        if (!epoch.Seen.Add(counter)) Duplicates++;
        epoch.HighestReceived = Math.Max(epoch.HighestReceived, counter + 1);
        LastReceived = world.Now;
        if (epoch.Seen.Count == 1) world.Input(new ClientInput.EpochHeard(peer.RemoteIndex));
        world.DataAtClient();
        if (TryDisarm()) world.Input(new ClientInput.TrafficResumed());
    }
}

internal sealed class SimulatedEpoch(TrafficKeys keys, TransportAddress source, EpochMark mark)
{
    public TrafficKeys Keys { get; } = keys;

    public TransportAddress Source { get; } = source;

    public EpochMark Mark { get; } = mark;

    public ulong Sent { get; set; }

    public ulong End { get; set; } = ulong.MaxValue;

    public ulong HighestReceived { get; set; }

    public HashSet<ulong> Seen { get; } = [];
}

/// <summary>A packet on every tick in each direction, and the longest gap among those that arrived.</summary>
internal sealed class Traffic
{
    private readonly ClientWorld _world;
    private readonly bool _fromClient, _fromGateway;
    private readonly TimeSpan _every;
    private Instant _lastUp, _lastDown;

    public Traffic(ClientWorld world, bool fromClient, bool fromGateway, int everyMilliseconds)
    {
        _world = world;
        _fromClient = fromClient;
        _fromGateway = fromGateway;
        _every = TimeSpan.FromMilliseconds(everyMilliseconds);
        _lastUp = _lastDown = world.Now;
        world.DataAtGateway = _ => Note(ref _lastUp, () => ReceivedUp++);
        world.DataAtClient = () => Note(ref _lastDown, () => ReceivedDown++);
        Tick();
    }

    public bool IsRunning { get; set; } = true;

    public int SentUp { get; private set; }

    public int SentDown { get; private set; }

    public int ReceivedUp { get; private set; }

    public int ReceivedDown { get; private set; }

    public TimeSpan LongestGap { get; private set; }

    /// <summary>Milliseconds of the longest gap since the last call, those that are still open included.</summary>
    public double Outage()
    {
        if (_fromClient) LongestGap = Max(LongestGap, _world.Now - _lastUp);
        if (_fromGateway) LongestGap = Max(LongestGap, _world.Now - _lastDown);
        double gap = LongestGap.TotalMilliseconds;
        LongestGap = TimeSpan.Zero;
        return gap;
    }

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    private void Note(ref Instant last, Action count)
    {
        LongestGap = Max(LongestGap, _world.Now - last);
        last = _world.Now;
        count();
    }

    private void Tick()
    {
        if (!IsRunning) return;
        if (_fromClient)
        {
            SentUp++;
            _world.SendData();
        }
        if (_fromGateway)
        {
            SentDown++;
            _world.SendDataFromGateway();
        }
        _world.At(_world.Now + _every, Tick);
    }
}
