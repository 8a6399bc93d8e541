using System.Net;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Simulation.Tests.Network;

/// <summary>
/// Somebody who sees every datagram, sends what it likes from its own address or under another's, and holds no key. It hands the client
/// answers that name its own address, but does not relay a whole exchange both ways: who does that is a router, and the protocol treats
/// it as one.
/// </summary>
internal sealed class Attacker
{
    public static readonly Endpoint Address = Endpoint.From(IPAddress.Parse("198.18.66.6"), 6666);

    private static readonly int[] GarbageSizes =
        [0, 1, 4, 16, 32, Confirm.Size, Ended.Size, Refused.Size, Prepared.Size, ProbeReply.Size, Response.Size, Initiation.Size, Probe.Size, End.Size, Prepare.Size, Bound.Size, 1400];

    private readonly SimNetwork _network;
    private readonly Agenda _agenda;
    private readonly SimRandom _random;
    private readonly ICryptography _crypto;
    private readonly SecretHandle _mac1;
    private readonly SortedDictionary<uint, Datagram> _copied = [];
    private readonly SortedSet<string> _relayed = [];
    private Instant _racesUntil = Instant.Zero;
    private Instant _answersUntil = Instant.Zero;

    public Attacker(SimNetwork network, Agenda agenda, SimRandom random, ICryptography crypto, PublicKey gateway)
    {
        _network = network;
        _agenda = agenda;
        _random = random;
        _crypto = crypto;
        _mac1 = AddressKeys.Derive(crypto, gateway).Mac1;
        network.Tap = (datagram, delay) =>
        {
            Race(datagram, delay);
            Answer(datagram, delay);
        };
        network.Astray = Relay;
    }

    public void RaceFor(TimeSpan time) => _racesUntil = Instant.Max(_racesUntil, _agenda.Now + time);

    public void AnswerFor(TimeSpan time) => _answersUntil = Instant.Max(_answersUntil, _agenda.Now + time);

    public void Rest() => _racesUntil = _answersUntil = Instant.Zero;

    public void Reseal(int count, TimeSpan within) => Many(count, within, () =>
    {
        Datagram[] initiations = [.. _network.Control.Where(datagram => datagram.Type == MessageType.Initiation)];
        if (initiations.Length == 0) return;
        Datagram model = _random.Pick(initiations);
        byte[] bytes = [.. model.Bytes];
        bytes[_random.Between(Initiation.NoiseOffset, Initiation.Mac1Offset - 1)] ^= (byte)(1 << _random.Below(8));
        _crypto.Mac(_mac1, bytes.AsSpan(0, Initiation.Mac1Offset), bytes.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize));
        Inject(model with { Bytes = bytes, Origin = Origin.Altered }, spoofs: false);
    });

    public void Replay(int count, bool spoofs, TimeSpan within) => Many(count, within, () =>
    {
        if (Pick() is { } datagram) Inject(datagram with { Origin = Origin.Replayed }, spoofs);
    });

    public void Flip(int count, bool spoofs, TimeSpan within) => Many(count, within, () =>
    {
        if (Pick() is not { } datagram) return;
        int size = ProtectedSize(datagram);
        if (size == 0) return;
        byte[] bytes = [.. datagram.Bytes];
        bytes[_random.Below(size)] ^= (byte)(1 << _random.Below(8));
        Inject(datagram with { Bytes = bytes, Origin = Origin.Altered }, spoofs);
    });

    public void Invent(int count, bool spoofs, TimeSpan within) => Many(count, within, () =>
    {
        if (Pick() is not { } model) return;
        byte[] bytes = new byte[_random.Pick(GarbageSizes)];
        _random.Fill(bytes);
        if (bytes.Length >= 8)
        {
            bytes[0] = (byte)_random.Between(1, 14);
            bytes.AsSpan(1, 3).Clear();
            // Half of them name something that exists.
            if (_random.Chance(50) && model.Bytes.Length >= 20 && bytes.Length >= 20) model.Bytes.AsSpan(4, 16).CopyTo(bytes.AsSpan(4));
        }
        Inject(model with { Bytes = bytes, Origin = Origin.Invented }, spoofs);
    });

    private void Race(Datagram datagram, TimeSpan delay)
    {
        if (_agenda.Now >= _racesUntil || datagram.Type is not (MessageType.Initiation or MessageType.Prepare or MessageType.Confirm)) return;
        // To send on what confirms a token of its own would make it a relay of the whole exchange.
        if (CompletesRelay(datagram)) return;
        if (Prepare.TryRead(datagram.Bytes, out Prepare prepare)) _copied[prepare.SenderIndex] = datagram;
        _network.Inject(datagram with { From = Address, Origin = Origin.Replayed }, delay / 2);
    }

    /// <summary>The answer to a copied PREPARE names the attacker's address; half of them it hands to the client, in the gateway's name.</summary>
    private void Relay(Datagram answer)
    {
        if (answer.To != Address || !Prepared.TryRead(answer.Bytes, out Prepared prepared) || !_copied.TryGetValue(prepared.ReceiverIndex, out Datagram? question)
            || !_random.Chance(50))
            return;
        _relayed.Add(Convert.ToHexString(Prepared.TokenOf(answer.Bytes)));
        _network.Inject(new(answer.Bytes, question.To, question.From, Origin.Replayed), TimeSpan.Zero);
    }

    /// <summary>The answer's type and index are right, the rest is noise.</summary>
    private void Answer(Datagram question, TimeSpan delay)
    {
        if (_agenda.Now >= _answersUntil) return;
        MessageType type = question.Type switch
        {
            MessageType.Initiation => _random.Pick([MessageType.Response, MessageType.Response, MessageType.Cookie]),
            MessageType.Prepare => _random.Pick([MessageType.Prepared, MessageType.Refused, MessageType.Cookie]),
            MessageType.Confirm => MessageType.Bound,
            MessageType.Probe => _random.Pick([MessageType.ProbeReply, MessageType.Ended]),
            MessageType.Data => MessageType.Challenge,
            _ => MessageType.Ended,
        };
        int size = type switch
        {
            MessageType.Response => Response.Size,
            MessageType.Cookie => Domain.Protocol.Messages.Cookie.Size,
            MessageType.Prepared => Prepared.Size,
            MessageType.Refused => Refused.Size,
            MessageType.Bound => Bound.Size,
            MessageType.ProbeReply => ProbeReply.Size,
            MessageType.Challenge => Challenge.Size,
            _ => Ended.Size,
        };
        byte[] bytes = new byte[size];
        _random.Fill(bytes);
        bytes[0] = (byte)type;
        bytes.AsSpan(1, 3).Clear();
        // The index or session id that the question names, where the answer has it; a PREPARE has its index behind the session id.
        int at = type is MessageType.Prepared or MessageType.Cookie && question.Type == MessageType.Prepare ? 20 : 4;
        int length = type is MessageType.Refused or MessageType.Ended ? SessionId.Size : 4;
        if (question.Bytes.Length >= at + length) question.Bytes.AsSpan(at, length).CopyTo(bytes.AsSpan(4));
        _network.Inject(new(bytes, question.To, question.From, Origin.Invented), delay);
    }

    private void Many(int count, TimeSpan within, Action action)
    {
        for (int i = 0; i < count; i++) _agenda.After(_random.Time(TimeSpan.Zero, within), action);
    }

    /// <summary>Control messages are rare and worth more.</summary>
    private Datagram? Pick()
    {
        IReadOnlyList<Datagram> from = _random.Chance(60) ? _network.Control : _network.Traffic;
        return from.Count == 0 ? null : _random.Pick(from);
    }

    private void Inject(Datagram datagram, bool spoofs)
    {
        TimeSpan delay = _random.Milliseconds(1, 50);
        if (spoofs || !CompletesRelay(datagram)) _network.Inject(spoofs ? datagram : datagram with { From = Address }, delay);
    }

    /// <summary>A CONFIRM of a token that names the attacker's own address.</summary>
    private bool CompletesRelay(Datagram datagram) =>
        datagram.Type == MessageType.Confirm && datagram.Bytes.Length == Confirm.Size && _relayed.Contains(Convert.ToHexString(Confirm.TokenOf(datagram.Bytes)));

    /// <summary>How much of a datagram is authenticated: cookie MACs are not.</summary>
    private static int ProtectedSize(Datagram datagram) => datagram.Type switch
    {
        MessageType.Initiation => Initiation.Mac2Offset,
        MessageType.Prepare => Prepare.CookieMacOffset,
        MessageType.End => End.CookieMacOffset,
        _ => datagram.Bytes.Length,
    };
}
