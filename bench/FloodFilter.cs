using System.Collections.Immutable;
using System.Diagnostics;
using JumpingVpn.Adversary.Codec;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench;

/// <summary>How fast one core refuses one kind of message.</summary>
/// <param name="Reason">What those are refused for that are checked in full.</param>
/// <param name="Checked">Refused a second if each is checked in full.</param>
/// <param name="PerSecond">Refused a second by the program as it is, which checks some of a flood and drops the others.</param>
/// <param name="Bytes">Allocated for each message.</param>
internal sealed record FilterRow(string Kind, string Reason, double Checked, double PerSecond, double Bytes);

/// <summary>
/// The checks before a gateway's core, in process and on one thread, as the receiving thread runs them: shape, turn, filter, gate, cookie.
/// The real keys, a core with a session, no socket.
/// </summary>
internal sealed class FloodFilter : IDisposable
{
    private const int Datagrams = 4096;
    private static readonly TransportAddress Source = new(1, default, Endpoint.FromIPv4(0xC000020B, 40000));

    private readonly SecretArena _arena = new();
    private readonly SodiumCryptography _crypto;
    private readonly GatewayEnvironment _environment;
    private static readonly TokenRate Unbounded = new(1, TimeSpan.Zero);

    private readonly ControlAdmission _admission;
    private readonly ControlAdmission _whole;
    private readonly byte[] _gatewayKey = new byte[32];
    private readonly byte[] _cookie = new byte[Domain.Protocol.Messages.Cookie.Size];
    private GatewayState _state = GatewayState.Empty;
    private byte[] _session = [];

    public FloodFilter()
    {
        _crypto = new(_arena);
        byte[] client = Adversary.Codec.Crypto.Random(32);
        NoiseKeyPair identity = NoiseKeyPair.From(_crypto, _crypto.GenerateSecret());
        identity.Public.Write(_gatewayKey);
        if (!AddressSet.TryCreate([IpPrefix.TryParse("10.77.0.2/32", out IpPrefix prefix) ? prefix : default], out AddressSet addresses))
            throw new LabException("no addresses");
        var registered = new RegisteredClient("client", PublicKey.Read(Adversary.Codec.Crypto.PublicKey(client)), addresses, SecretHandle.None);
        _environment = new(_crypto, identity, ClusterKeys.Derive(_crypto, [_crypto.GenerateSecret()]), ClientRegistry.From([registered]), SessionPolicy.Default,
            SessionJson.HashOf(SessionPolicy.Default), new Owner("gateway", new IncarnationId(1)), 3, 1420, _crypto.GenerateSecret());
        var filter = new ControlFilter(_crypto, AddressKeys.Derive(_crypto, identity.Public), _environment.ClusterKeys);
        filter.Rotate(_crypto.GenerateSecret());
        _admission = ControlAdmission.Create(_crypto, filter, _environment.TokenSecret);
        var mix = new KeyedMix(seed: 1);
        _whole = new(filter, new ProofGate(_crypto, _crypto, _environment.TokenSecret, mix), new SourceStanding(mix, new(Unbounded, Unbounded, Unbounded)), new SessionMisuse(mix));
        Connect(client);
    }

    /// <summary>Every kind that no socket is needed for.</summary>
    public IEnumerable<FilterRow> Measure(TimeSpan time, int rounds)
    {
        foreach (FloodKind kind in (FloodKind[])
        [
            FloodKind.InitiationBadMac, FloodKind.InitiationGarbage, FloodKind.ReattachRandomId, FloodKind.ReattachWrongProof, FloodKind.EndWrongProof,
            FloodKind.ProbeWrongMac, FloodKind.Confirm, FloodKind.Cookie,
        ])
        {
            var known = new FloodKnowledge(_gatewayKey, _session);
            yield return Measure(kind.ToString(), [.. Enumerable.Range(0, Datagrams).Select(number => FloodDatagrams.Make(kind, known, number))], time, rounds);
        }

        yield return Measure("Replay (of a reattach)", [_genuine], time, rounds);
    }

    private byte[] _genuine = [];

    private FilterRow Measure(string kind, byte[][] datagrams, TimeSpan time, int rounds)
    {
        var reasons = new long[512];
        (double isChecked, double bytes) = Measure(_whole, datagrams, time, rounds, reasons);
        int most = Array.IndexOf(reasons, reasons.Max());
        (double refused, double bytesToo) = Measure(_admission, datagrams, time, rounds, reasons);
        return new(kind, ReasonCodes.Name((ReasonCode)most), isChecked, refused, Math.Max(bytes, bytesToo));
    }

    private (double PerSecond, double Bytes) Measure(ControlAdmission admission, byte[][] datagrams, TimeSpan time, int rounds, long[] reasons)
    {
        Run(admission, datagrams, TimeSpan.FromMilliseconds(200), reasons);
        Array.Clear(reasons);
        List<double> rates = [];
        long total = 0, before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            long count = Run(admission, datagrams, time, reasons);
            rates.Add(count / Stopwatch.GetElapsedTime(start).TotalSeconds);
            total += count;
        }

        // The loop's own few objects are not the messages'.
        return (Statistics.Of(rates)!.Median, Math.Max(0, GC.GetAllocatedBytesForCurrentThread() - before - 4096) / (double)total);
    }

    /// <summary>What <see cref="Node.Running"/> does with a control datagram before the core's queue.</summary>
    private long Run(ControlAdmission admission, byte[][] datagrams, TimeSpan time, long[] reasons)
    {
        long end = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency), count = 0;
        while (Stopwatch.GetTimestamp() < end)
        {
            for (int i = 0; i < 256; i++, count++)
            {
                byte[] datagram = datagrams[count % datagrams.Length];
                Instant now = BootClock.Now();
                (AdmissionVerdict verdict, ReasonCode reason, _, _, _) = admission.Check(_state, Source, datagram, now, now);
                if (verdict == AdmissionVerdict.SendCookie)
                {
                    SecretHandle seed = _crypto.GenerateSecret();
                    admission.MakeCookie(datagram, Source.Remote, seed, _cookie);
                    _crypto.Release(seed);
                }

                reasons[(int)reason]++;
            }
        }

        return count;
    }

    public void Dispose() => _arena.Dispose();

    /// <summary>A session, by the attacker's codec against the real core.</summary>
    private void Connect(byte[] client)
    {
        var noise = new Adversary.Codec.Noise(client, _gatewayKey);
        byte[] instance = Adversary.Codec.Crypto.Random(16);
        byte[] response = Step(Wire.Initiation(_gatewayKey, 1, noise.First(Wire.InitiationPayload(instance, 0))), WireType.Response);
        byte[] payload = noise.Second(response.AsSpan(12)) ?? throw new LabException("the response does not open");
        (EpochKeys epoch, SessionKeys keys) = EpochKeys.FromHandshake(noise, 1, BitConverter.ToUInt32(response, 8), payload[16]);
        _ = Step(Wire.Confirm(epoch, new byte[16]), WireType.Bound);
        _session = payload[..16];
        _genuine = Wire.Prepare(keys, _session, 2, 1, 1, Adversary.Codec.Crypto.PublicKey(Adversary.Codec.Crypto.Random(32)), instance, 0, 1, new byte[WireType.TicketSize]);
    }

    private byte[] Step(byte[] datagram, byte answer)
    {
        var inputs = new Queue<GatewayInput>([new GatewayInput.DatagramReceived(Source, datagram)]);
        byte[]? found = null;
        while (inputs.TryDequeue(out GatewayInput? input))
        {
            SecretHandle seed = _crypto.GenerateSecret();
            (_state, ImmutableArray<GatewayEffect> effects) = GatewayCore.Step(_state, input, new StepContext(BootClock.Now(), default, seed), _environment);
            _crypto.Release(seed);
            foreach (GatewayEffect effect in effects)
            {
                if (effect is GatewayEffect.Send send && send.Bytes.Span[0] == answer) found = send.Bytes.ToArray();
                if (effect is GatewayEffect.Append append) inputs.Enqueue(new GatewayInput.AppendFinished(append.Number, AppendOutcome.Committed));
                if (effect is GatewayEffect.Bind bind) inputs.Enqueue(new GatewayInput.TransportBound(bind.Session, bind.LocalIndex, 0));
            }
        }

        return found ?? throw new LabException($"no answer of type {answer}");
    }
}
