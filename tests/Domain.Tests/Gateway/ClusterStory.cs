using System.Collections.Immutable;
using System.Net;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>Two gateway cores with real cryptography on one store in memory, each with a shell that only carries out.</summary>
internal sealed class ClusterStory : IDisposable
{
    private readonly SecretArena _arena = new(65_536);
    private readonly SodiumCryptography _crypto;
    private readonly int _lasting;

    public ClusterStory()
    {
        _crypto = new(_arena);
        NoiseKeyPair identity = NoiseKeyPair.From(_crypto, _crypto.GenerateSecret());
        Client = new(identity.Public);
        Assert.True(AddressSet.TryCreate([new IpPrefix(Endpoint.From(IPAddress.Parse("10.77.0.2"), 0).Address, 32, true)], out AddressSet addresses));
        var environment = new GatewayEnvironment(_crypto, identity, ClusterKeys.Derive(_crypto, [_crypto.GenerateSecret()]),
            ClientRegistry.From([new RegisteredClient("laptop", Client.Identity.Public, addresses, SecretHandle.None)]), SessionPolicy.Default,
            SessionJson.HashOf(SessionPolicy.Default), new Owner("none", default), CipherSuites.Bit(CipherSuite.ChaCha20Poly1305), 1400, _crypto.GenerateSecret(), IsCluster: true);
        A = new(this, "gw-a", 1, environment with { TokenSecret = _crypto.GenerateSecret() });
        B = new(this, "gw-b", 2, environment with { TokenSecret = _crypto.GenerateSecret() });
        _lasting = _arena.Live;
        Store.Notify = (incarnation, notice) =>
        {
            if (LosesNotices) return;
            foreach (Node node in (Node[])[A, B])
                if (incarnation is null || incarnation == node.Self.Incarnation) node.Take(notice);
        };
    }

    public InMemoryStoreState Store { get; } = new(StorePolicy.Default);

    public ScriptedClient Client { get; }

    public Node A { get; }

    public Node B { get; }

    public Instant Now { get; set; } = Instant.FromMilliseconds(10_000);

    public bool LosesNotices { get; set; }

    public int LiveSecrets => _arena.Live - _lasting;

    public Session Stored => SessionRecords.Restore(((LoadResult.Found)Store.Load(Client.Session)).History).IfLeft(() => throw new InvalidOperationException("the store is broken"));

    public void Dispose()
    {
        Client.Dispose();
        _arena.Dispose();
    }

    /// <summary>The client has a session at A.</summary>
    public ClusterStory Connected()
    {
        (byte[] initiation, NoiseInitiator noise) = Client.Initiate();
        byte[] response = Assert.Single(A.Receive(GatewayStory.Home, initiation)).Bytes;
        Client.Read(A.Receive(GatewayStory.Home, Client.Confirm(noise, response)).Last(sent => sent.Bytes[0] == (byte)MessageType.Bound).Bytes);
        return this;
    }

    /// <summary>One node of the cluster.</summary>
    internal sealed class Node
    {
        private readonly ClusterStory _story;

        public Node(ClusterStory story, string name, ulong incarnation, GatewayEnvironment environment)
        {
            _story = story;
            Environment = environment with { Self = new Owner(name, new IncarnationId(incarnation)) };
            Assert.IsType<EnterResult.Entered>(story.Store.Enter(new NodeIdentity(name, "", name), Self.Incarnation, null));
        }

        public GatewayEnvironment Environment { get; set; }

        public Owner Self => Environment.Self;

        public GatewayState State { get; private set; } = GatewayState.Empty;

        public bool Serves { get; set; } = true;

        /// <summary>False leaves appends waiting.</summary>
        public bool Stores { get; set; } = true;

        /// <summary>False leaves reads waiting.</summary>
        public bool Answers { get; set; } = true;

        /// <summary>False: reads fail.</summary>
        public bool Reads { get; set; } = true;

        public List<GatewayEffect> Effects { get; } = [];

        public List<(TransportAddress To, byte[] Bytes)> Sent { get; } = [];

        /// <summary>True while its data plane would deliver for the client's session.</summary>
        public bool Delivers { get; private set; }

        public IEnumerable<ReasonCode> Transitions => Effects.OfType<GatewayEffect.Transitioned>().Select(told => told.Event.Reason);

        public ReasonCode LastRejection => Effects.OfType<GatewayEffect.Rejected>().Last().Reason;

        public List<(TransportAddress To, byte[] Bytes)> Receive(TransportAddress source, byte[] datagram) => Input(new GatewayInput.DatagramReceived(source, datagram));

        public List<(TransportAddress To, byte[] Bytes)> Input(GatewayInput input)
        {
            Sent.Clear();
            Step(input);
            return Sent;
        }

        /// <summary>This node has watched the other's number stand still.</summary>
        public List<(TransportAddress To, byte[] Bytes)> Sees(Node gone) =>
            Input(new GatewayInput.NodesGone(State.Gone.SetItem(gone.Self.Incarnation, new(gone.Self, _story.Store.Node(gone.Self.Incarnation)!.Number))));

        public void Take(ClusterNotice notice) => Step(notice switch
        {
            ClusterNotice.Wanted wanted => new GatewayInput.SessionWanted(wanted.Session),
            ClusterNotice.Released released => new GatewayInput.SessionReleased(released.Session),
            _ => new GatewayInput.RegistryChanged(),
        });

        /// <summary>What was left waiting reaches the store.</summary>
        public List<(TransportAddress To, byte[] Bytes)> Store()
        {
            Sent.Clear();
            foreach (long number in State.Appends.Keys.ToArray()) Append(Effects.OfType<GatewayEffect.Append>().Single(append => append.Number == number));
            return Sent;
        }

        private void Step(GatewayInput input)
        {
            SecretHandle seed = _story._crypto.GenerateSecret();
            (State, ImmutableArray<GatewayEffect> effects) = GatewayCore.Step(State, input, new(_story.Now, default, seed, Serves), Environment);
            _story._crypto.Release(seed);
            Effects.AddRange(effects);
            foreach (GatewayEffect effect in effects) CarryOut(effect);
        }

        private void CarryOut(GatewayEffect effect)
        {
            switch (effect)
            {
                case GatewayEffect.Send send:
                    Sent.Add((send.To, send.Bytes.ToArray()));
                    break;
                case GatewayEffect.Forget forget:
                    _story._crypto.Release(forget.Secret);
                    break;
                case GatewayEffect.Bind bind:
                    Delivers = true;
                    Step(new GatewayInput.TransportBound(bind.Session, bind.LocalIndex, 17));
                    break;
                case GatewayEffect.Unbind or GatewayEffect.CloseSession:
                    Delivers = false;
                    break;
                case GatewayEffect.Append append when Stores:
                    Append(append);
                    break;
                case GatewayEffect.Load load when Answers:
                    Step(new GatewayInput.SessionLoaded(load.Session, Loaded(_story.Store.Load(load.Session))));
                    break;
                case GatewayEffect.LoadClient load:
                    Step(new GatewayInput.ClientLoaded(load.Client, Loaded(_story.Store.LoadClient(load.Client))));
                    break;
                case GatewayEffect.Want want:
                    _story.Store.Want(want.Session, want.Version, Self.Incarnation);
                    break;
            }
        }

        private void Append(GatewayEffect.Append append)
        {
            AppendRequest request = SessionRecords.Request(append.Streams, default) with { Fence = append.Fence };
            Step(new GatewayInput.AppendFinished(append.Number, AppendFate.OutcomeOf(_story.Store.Apply(request, Self.Incarnation))!.Value));
        }

        private LoadedSession Loaded(LoadResult result) => !Reads ? new LoadedSession.Unavailable() : result switch
        {
            LoadResult.Found found => new LoadedSession.Found(SessionRecords.Restore(found.History).IfLeft(() => throw new InvalidOperationException("the store is broken"))),
            LoadResult.Missing => new LoadedSession.Missing(),
            _ => new LoadedSession.Corrupt(),
        };
    }
}
