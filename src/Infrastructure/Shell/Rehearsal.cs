using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// Plays a session's life, jumps included, between a client core and a gateway core that exist for this only: throwaway keys,
/// memory of their own, virtual time, no I/O. What a first jump needs is then compiled before it is needed; a jump must
/// not wait for the just-in-time compiler.
/// </summary>
public sealed class Rehearsal
{
    /// <summary>Inputs after which a play is cut off whatever happens.</summary>
    private const int MaxSteps = 4000;

    /// <summary>One session is played.</summary>
    private const int Meters = 16;

    private static readonly Endpoint Gateway = Endpoint.FromIPv4(0xC000_0201, 51830);
    private static readonly IpPrefix Inner = new(Endpoint.FromIPv4(0x0A4D_0002, 0).Address, 32, true);

    private readonly SodiumCryptography _crypto;
    private readonly GatewayEnvironment _gatewayEnvironment;
    private readonly ClientEnvironment _clientEnvironment;
    private readonly ControlAdmission _admission;
    private readonly Queue<object> _inputs = new();
    private GatewayState _gateway = GatewayState.Empty;
    private ClientState _client = ClientState.Initial;
    private Instant _now = Instant.FromMilliseconds(1000);
    private ulong _packets;
    private int _steps;
    private bool _isDeaf;

    private Rehearsal(SodiumCryptography crypto)
    {
        _crypto = crypto;
        NoiseKeyPair gateway = NoiseKeyPair.From(crypto, crypto.GenerateSecret());
        NoiseKeyPair client = NoiseKeyPair.From(crypto, crypto.GenerateSecret());
        ClusterKeys keys = ClusterKeys.Derive(crypto, [crypto.GenerateSecret()]);
        _ = AddressSet.TryCreate([Inner], out AddressSet addresses);
        SessionPolicy policy = SessionPolicy.Default;
        _gatewayEnvironment = new(crypto, gateway, keys, ClientRegistry.From([new("rehearsal", client.Public, addresses, SecretHandle.None)]), policy,
            SessionJson.HashOf(policy), new Owner("rehearsal", default), Suites: 3, InnerMtu: 1420, crypto.GenerateSecret());
        _clientEnvironment = new(crypto, client, gateway.Public, SecretHandle.None, [Inner], Suites: 3, KeepsState: false);
        var filter = new ControlFilter(crypto, AddressKeys.Derive(crypto, gateway.Public), keys);
        filter.Rotate(crypto.GenerateSecret());
        var mix = new KeyedMix(seed: 1);
        _admission = new(filter, new ProofGate(crypto, crypto, _gatewayEnvironment.TokenSecret, mix, Meters), new SourceStanding(mix, SourceBudgets.Default, Meters), new SessionMisuse(mix, Meters));
    }

    /// <summary>Plays once. Returns false if the play did not end as it should: then it has warmed less than it could.</summary>
    public static bool Play()
    {
        using var arena = new SecretArena(capacity: 4096);
        return new Rehearsal(new SodiumCryptography(arena)).Run();
    }

    private bool Run()
    {
        var wan1 = new Uplink("wan1", 1, [Endpoint.FromIPv4(0x0A01_0002, 0).Address]);
        var wan2 = new Uplink("wan2", 2, [Endpoint.FromIPv4(0x0A02_0002, 0).Address]);
        Take(new ClientInput.Start(new InstanceId(1), null));
        Take(new ClientInput.UplinksChanged([wan1, wan2]));
        Take(new ClientInput.EndpointsResolved([Gateway]));
        if (!PlayUntil(TimeSpan.FromSeconds(5), IsAttached)) return false;
        _ = PlayUntil(TimeSpan.FromSeconds(1), () => false);
        // A link goes down and comes back; an address changes; a path falls silent; the gateway starts anew.
        Take(new ClientInput.UplinksChanged([wan2]));
        bool jumped = PlayUntil(TimeSpan.FromSeconds(3), IsAttached);
        Take(new ClientInput.UplinksChanged([wan1, wan2 with { Addresses = [Endpoint.FromIPv4(0x0A02_0003, 0).Address] }]));
        jumped &= PlayUntil(TimeSpan.FromSeconds(3), IsAttached);
        if (_gateway.Sessions.Values.FirstOrDefault() is { Epoch: { } epoch } session)
            Take(new GatewayInput.UnboundSourceSeen(session.Session.Id, epoch.Index, 1UL << 40, epoch.Transport with { Remote = epoch.Transport.Remote with { Port = 9 } }));
        _isDeaf = true;
        _ = PlayUntil(TimeSpan.FromSeconds(1), () => false);
        _isDeaf = false;
        jumped &= PlayUntil(TimeSpan.FromSeconds(3), IsAttached);
        _gateway = GatewayState.Restore(_gateway.Sessions.Values.Select(held => held.Session), _now);
        jumped &= PlayUntil(TimeSpan.FromSeconds(5), IsAttached);
        Take(new ClientInput.Stop());
        _ = PlayUntil(TimeSpan.FromSeconds(2), () => false);
        return jumped;
    }

    private bool IsAttached() => _client.Session is { State: SessionState.Attached, Bound: not null } session
        && _gateway.Sessions.TryGetValue(session.Id, out GatewaySession? held) && held.Epoch is { Bound.IsEmpty: false };

    private void Take(object input) => _inputs.Enqueue(input);

    /// <summary>Takes inputs and timers in order, in virtual time, until the condition holds and nothing waits any more.</summary>
    private bool PlayUntil(TimeSpan patience, Func<bool> isDone)
    {
        Instant end = _now + patience;
        while (_steps < MaxSteps)
        {
            if (_inputs.TryDequeue(out object? input))
            {
                Step(input);
                continue;
            }
            if (isDone()) return true;
            Instant client = ClientCore.NextDeadline(_client), gateway = _gateway.NextDeadline;
            Instant next = Instant.Min(client, gateway);
            if (next >= end)
            {
                _now = Instant.Max(_now, end);
                return false;
            }
            _now = Instant.Max(_now, next);
            Step(client <= gateway ? new ClientInput.TimerFired() : new GatewayInput.TimerFired());
        }
        return false;
    }

    private void Step(object input)
    {
        _steps++;
        _now += TimeSpan.FromMicroseconds(50);
        SecretHandle seed = _crypto.GenerateSecret();
        var context = new StepContext(_now, default, seed);
        if (input is ClientInput forClient)
        {
            // Packets flow all the while, so that reports are due.
            _packets++;
            var counters = new TrafficCounters(_client.Session?.SendingIndex ?? 0, _packets, _packets, _packets, _now, _now, _packets, _packets, _packets, _packets);
            (_client, ImmutableArray<ClientEffect> effects) = ClientCore.Step(_client, forClient, new ClientStep(context, counters), _clientEnvironment);
            foreach (ClientEffect effect in effects) Run(effect);
        }
        else if (input is GatewayInput forGateway)
        {
            (_gateway, ImmutableArray<GatewayEffect> effects) = GatewayCore.Step(_gateway, forGateway, context, _gatewayEnvironment);
            foreach (GatewayEffect effect in effects) Run(effect);
        }
        _crypto.Release(seed);
    }

    private void Run(ClientEffect effect)
    {
        switch (effect)
        {
            case ClientEffect.OpenSocket open:
                Take(new ClientInput.SocketOpened(open.Socket, Endpoint.FromIPv4(0, (ushort)(40_000 + open.Socket))));
                break;
            case ClientEffect.Send send when !_isDeaf:
                var source = new TransportAddress(1, Gateway, Endpoint.FromIPv4(0xCB00_7101, (ushort)(40_000 + send.Socket)));
                if (_admission.Check(_gateway, source, send.Bytes.Span, _now, _now).Verdict == AdmissionVerdict.Pass) Take(new GatewayInput.DatagramReceived(source, send.Bytes));
                break;
            case ClientEffect.Bind bind:
                Take(new ClientInput.TransportBound(bind.LocalIndex, 1));
                break;
            case ClientEffect.Forget forget:
                _crypto.Release(forget.Secret);
                break;
            default:
                break;
        }
    }

    private void Run(GatewayEffect effect)
    {
        switch (effect)
        {
            case GatewayEffect.Send send when !_isDeaf:
                Take(new ClientInput.DatagramReceived(new TransportAddress(send.To.Remote.Port - 40_000, default, Gateway), send.Bytes));
                break;
            case GatewayEffect.Append append:
                _ = SessionRecords.Request(append.Streams, default);
                Take(new GatewayInput.AppendFinished(append.Number, AppendOutcome.Committed));
                break;
            case GatewayEffect.Bind bind:
                Take(new GatewayInput.TransportBound(bind.Session, bind.LocalIndex, 1));
                break;
            case GatewayEffect.Forget forget:
                _crypto.Release(forget.Secret);
                break;
            default:
                break;
        }
    }
}
