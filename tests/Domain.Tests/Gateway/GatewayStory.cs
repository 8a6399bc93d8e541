using System.Collections.Immutable;
using System.Net;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>A gateway core with real cryptography, a shell that only counts, and a store that answers as a test says.</summary>
internal sealed class GatewayStory : IDisposable
{
    public static readonly Endpoint Local = Endpoint.From(IPAddress.Parse("192.0.2.1"), 51830);
    public static readonly TransportAddress Home = At("198.51.100.7:4000");
    public static readonly TransportAddress Cafe = At("203.0.113.9:4100");
    public static readonly TransportAddress Attacker = At("198.18.66.6:6666");

    private readonly SecretArena _arena = new(65_536);
    private readonly Dictionary<SessionId, Session> _stored = [];
    private readonly int _lasting;
    private ulong _incarnations = 1;

    public GatewayStory(bool isRegistered = true)
    {
        Crypto = new(_arena);
        NoiseKeyPair identity = NoiseKeyPair.From(Crypto, Crypto.GenerateSecret());
        Client = new(identity.Public);
        Assert.True(AddressSet.TryCreate([new IpPrefix(Endpoint.From(IPAddress.Parse("10.77.0.2"), 0).Address, 32, true)], out AddressSet addresses));
        ClientRegistry registry = ClientRegistry.From(isRegistered ? [new RegisteredClient("laptop", Client.Identity.Public, addresses, SecretHandle.None)] : []);
        Environment = new(Crypto, identity, ClusterKeys.Derive(Crypto, [Crypto.GenerateSecret()]), registry, SessionPolicy.Default,
            SessionJson.HashOf(SessionPolicy.Default), new Owner("gw-a", new IncarnationId(1)), CipherSuites.Bit(CipherSuite.ChaCha20Poly1305), 1400, Crypto.GenerateSecret());
        _lasting = _arena.Live;
    }

    public SodiumCryptography Crypto { get; }

    public ScriptedClient Client { get; }

    public GatewayEnvironment Environment { get; set; }

    public GatewayState State { get; private set; } = GatewayState.Empty;

    public Instant Now { get; set; } = Instant.FromMilliseconds(10_000);

    /// <summary>What the store answers at once; null leaves appends waiting.</summary>
    public AppendOutcome? Store { get; set; } = AppendOutcome.Committed;

    /// <summary>All effects so far.</summary>
    public List<GatewayEffect> Effects { get; } = [];

    /// <summary>A store in place of <see cref="Store"/>: what it answers to an append.</summary>
    public Func<GatewayEffect.Append, GatewayInput.AppendFinished>? StoreOnDisk { get; set; }

    /// <summary>What was sent by the last input and all that it brought about.</summary>
    public List<(TransportAddress To, byte[] Bytes)> Sent { get; } = [];

    /// <summary>Counters that the data plane shows for a bound epoch.</summary>
    public Func<uint, TrafficCounters> Counters { get; set; } = index => new(index, 0, 0, 0, Instant.Zero, Instant.Zero, 0, 0, 0, 0);

    public int LiveSecrets => _arena.Live - _lasting;

    public GatewaySession Session => Assert.Single(State.Sessions.Values);

    public IEnumerable<ReasonCode> Transitions => Effects.OfType<GatewayEffect.Transitioned>().Select(told => told.Event.Reason);

    public ReasonCode LastRejection => Effects.OfType<GatewayEffect.Rejected>().Last().Reason;

    public IEnumerable<GatewayEffect.Append> Appends => Effects.OfType<GatewayEffect.Append>();

    public static TransportAddress At(string remote)
    {
        Assert.True(Endpoint.TryParse(remote, out Endpoint endpoint));
        return new(1, Local, endpoint);
    }

    public void Dispose()
    {
        Client.Dispose();
        _arena.Dispose();
    }

    /// <summary>A datagram arrives; what is sent in return is the result.</summary>
    public List<(TransportAddress To, byte[] Bytes)> Receive(TransportAddress source, byte[] datagram)
    {
        TrafficCounters? counters = State.Sessions.Count == 1 && Session.Epoch is { } epoch ? Counters(epoch.Index) : null;
        return Input(new GatewayInput.DatagramReceived(source, datagram, counters));
    }

    public List<(TransportAddress To, byte[] Bytes)> Input(GatewayInput input)
    {
        Sent.Clear();
        Step(input);
        return Sent;
    }

    /// <summary>Time passes, and the timer fires whenever it is due.</summary>
    public List<(TransportAddress To, byte[] Bytes)> Wait(TimeSpan time)
    {
        Instant end = Now + time;
        Sent.Clear();
        while (State.NextDeadline <= end)
        {
            Now = Instant.Max(Now, State.NextDeadline);
            Step(new GatewayInput.TimerFired());
            Assert.True(State.NextDeadline > Now, "the same timer is asked for again");
        }
        Now = end;
        return Sent;
    }

    /// <summary>The store answers an append that was left waiting.</summary>
    public List<(TransportAddress To, byte[] Bytes)> Answer(AppendOutcome outcome)
    {
        GatewayEffect.Append waiting = Appends.Last();
        Remember(waiting, outcome);
        return Input(new GatewayInput.AppendFinished(waiting.Number, outcome));
    }

    /// <summary>The client has a session, bound at home.</summary>
    public GatewayStory Connected() => Connected(Client, Home);

    public GatewayStory Connected(ScriptedClient client, TransportAddress source)
    {
        (byte[] initiation, NoiseInitiator noise) = client.Initiate();
        byte[] response = Assert.Single(Receive(source, initiation)).Bytes;
        client.Read(Receive(source, client.Confirm(noise, response)).Last(sent => sent.Bytes[0] == (byte)MessageType.Bound).Bytes);
        return this;
    }

    /// <summary>The same store under a new process: a new incarnation, whose memory is what was stored.</summary>
    public void Restart(ClientRegistry? registry = null)
    {
        Environment = Environment with
        {
            Self = new Owner("gw-a", new IncarnationId(++_incarnations)),
            TokenSecret = Crypto.GenerateSecret(),
            Registry = registry ?? Environment.Registry,
        };
        State = GatewayState.Restore(_stored.Values, Now);
    }

    private void Step(GatewayInput input)
    {
        SecretHandle seed = Crypto.GenerateSecret();
        (State, ImmutableArray<GatewayEffect> effects) = GatewayCore.Step(State, input, new(Now, default, seed), Environment);
        Crypto.Release(seed);
        Effects.AddRange(effects);
        foreach (GatewayEffect effect in effects)
        {
            switch (effect)
            {
                case GatewayEffect.Send send:
                    Sent.Add((send.To, send.Bytes.ToArray()));
                    break;
                case GatewayEffect.Forget forget:
                    Crypto.Release(forget.Secret);
                    break;
                case GatewayEffect.Bind bind:
                    Step(new GatewayInput.TransportBound(bind.Session, bind.LocalIndex, 17));
                    break;
                case GatewayEffect.ReadCounters read:
                    Step(new GatewayInput.CountersRead(read.Session, Session.Epoch is { } epoch ? Counters(epoch.Index) : null));
                    break;
                case GatewayEffect.Append append when StoreOnDisk is { } disk:
                    Step(disk(append));
                    break;
                case GatewayEffect.Append append when Store is { } outcome:
                    Remember(append, outcome);
                    Step(new GatewayInput.AppendFinished(append.Number, outcome));
                    break;
            }
        }
    }

    private void Remember(GatewayEffect.Append append, AppendOutcome outcome)
    {
        if (outcome != AppendOutcome.Committed) return;
        foreach (StreamAppend stream in append.Streams) _stored[stream.After.Id] = stream.After;
    }
}
