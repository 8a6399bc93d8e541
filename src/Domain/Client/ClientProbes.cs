using System.Buffers.Binary;
using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>Probes, their answers, and challenges: how the client learns what is so. They bind nothing.</summary>
internal static class ClientProbes
{
    /// <summary>Sends a probe, which on the bound path is also the report of what arrived.</summary>
    public static void Send(ClientTurn turn, ClientPath path)
    {
        ulong counter = path.Probes.Next;
        Send(turn, path, WithTicket(turn, path) ? Probe.SizeWithTicket : Probe.Size);
        turn.State = turn.State with { Selection = turn.State.Selection.ProbeSent(path.Id, counter, turn.Now) };
    }

    /// <summary>Sends a probe of exactly this size. Of those that measure the path's MTU the selection hears nothing, since size may cost them.</summary>
    public static void Send(ClientTurn turn, ClientPath path, int length)
    {
        ClientSession session = turn.State.Session!;
        PathHealth? health = turn.State.Selection.Paths.GetValueOrDefault(path.Id)?.Health;
        bool counts = turn.Counters.LocalIndex != 0 && turn.Counters.LocalIndex == session.CommittedIndex;
        var probe = new Probe(
            session.Id, path.Id.Value, path.Probes.Next, turn.State.Instance, turn.DrawNumber(),
            counts ? turn.Counters.HighestReceived : 0, counts ? turn.Counters.Received : 0, counts ? turn.Counters.Sent : 0,
            counts ? session.Epochs.First(epoch => epoch.LocalIndex == session.CommittedIndex).RemoteIndex : 0,
            health is { Rtt.IsKnown: true } ? (uint)Math.Min(uint.MaxValue, health.Rtt.Smoothed.Ticks / TimeSpan.TicksPerMicrosecond) : 0,
            session.BindingVersion, (ushort)length);
        byte[] datagram = new byte[length];
        probe.Write(datagram, WithTicket(turn, path) && length >= Probe.SizeWithTicket ? session.Ticket.Span : default);
        UInt128 mac = Authenticate(turn, session, datagram);
        turn.Put(path with { Probes = path.Probes.Add(new(probe.Counter, turn.Now, mac, length)) });
        turn.Send(path, datagram);
    }

    public static void ReceiveReply(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (!ProbeReply.TryRead(datagram, out ProbeReply reply))
        {
            turn.Reject(datagram.Length == ProbeReply.Size ? ReasonCode.Malformed : ReasonCode.BadLength, "PROBE REPLY on " + path.Name);
            return;
        }
        // The answer to a session that is over, or to a probe that was given up, comes late by rule, not by fault.
        if (turn.State.Session is not { } session || reply.Path != path.Id.Value || !path.Probes.TryTake(reply.Counter, out SentProbe probe, out PathProbes rest))
            return;
        if (!IsAuthentic(turn, session, probe.Mac, datagram))
        {
            turn.Reject(ReasonCode.BadMac, "PROBE REPLY on " + path.Name);
            return;
        }
        path = path with { Probes = rest };
        turn.Put(path);
        SessionUpkeep.GatewayAnswered(turn);
        bool isServing = reply.Flags.HasFlag(ProbeReplyFlags.Serving);
        if (isServing && reply.Instance != default && !session.Instances.Contains(reply.Instance))
        {
            SessionEnds.ReportCopy(turn, reply.Instance);
            return;
        }
        Learn(turn, session, path, reply, isServing);
        MtuProbing.Answered(turn, path.Id, probe);
    }

    /// <summary>
    /// Our packets come from an address that the gateway has not bound: reattach at once, unless the bound path has
    /// acknowledged that very packet, which makes the challenge an echo of a copied one.
    /// </summary>
    public static void ReceiveChallenge(ClientTurn turn, ClientPath path, ReadOnlySpan<byte> datagram)
    {
        if (!Challenge.TryRead(datagram, out Challenge challenge))
        {
            turn.Reject(datagram.Length == Challenge.Size ? ReasonCode.Malformed : ReasonCode.BadLength, "CHALLENGE on " + path.Name);
            return;
        }
        // A challenge for an epoch that has been replaced comes late by rule.
        if (turn.State.Session is not { Bound: { } bound } session || challenge.ReceiverIndex != session.CommittedIndex) return;
        if (!turn.Crypto.VerifyMac(session.Secrets.Probe, datagram[..Challenge.MacOffset], datagram[Challenge.MacOffset..]))
        {
            turn.Reject(ReasonCode.BadMac, "CHALLENGE on " + path.Name);
            return;
        }
        if (bound.Path != path.Id || challenge.Counter < session.Acknowledged || session.SendingIndex != session.CommittedIndex) return;
        turn.Reject(ReasonCode.UnboundSource, "the gateway sees " + path.Name + " from another address");
        turn.State = turn.State with { Selection = turn.State.Selection.Challenged() };
    }

    private static void Learn(ClientTurn turn, ClientSession session, ClientPath path, ProbeReply reply, bool isServing)
    {
        bool isBoundPath = session.Bound?.Path == path.Id;
        bool isFromBoundSource = reply.Flags.HasFlag(ProbeReplyFlags.FromBoundSource);
        // While a reattach is under way, or its BOUND was lost, the gateway may rightly name another source.
        bool isCurrent = isServing && reply.BindingVersion == session.BindingVersion && turn.State.Reattach is null or { IsTentative: true };
        PathSelection selection = turn.State.Selection.ProbeAnswered(path.Id, reply.Counter, turn.Now, isBoundPath && isCurrent ? isFromBoundSource : null);
        if (isBoundPath && isServing && reply.Epoch != 0 && reply.Epoch == session.CommittedIndex && turn.Counters.LocalIndex == reply.Epoch)
        {
            selection = selection.Counted(
                new(reply.Epoch, reply.HighestReceived, reply.Received, turn.Counters.HighestReceived, turn.Counters.Received), turn.Now);
            turn.State = turn.State with { Session = session with { Acknowledged = Math.Max(session.Acknowledged, reply.HighestReceived) } };
        }
        turn.State = turn.State with { Selection = selection };
        // Another node of the gateway does not serve what this one does; the one that the session is bound to must.
        if (isServing && isBoundPath && isFromBoundSource && isCurrent)
            ClientReattaches.CallOff(turn);
        else if (!isServing && (session.Bound is null || session.Bound.Address.Remote == path.Remote))
            ClientReattaches.Begin(turn, ReattachKind.Dead, "the gateway no longer serves the session", FirstOn(session, path));
        else if (reply.BindingVersion > session.BindingVersion && turn.State.Reattach is null)
            ClientReattaches.Begin(turn, ReattachKind.Dead, "the gateway has bound something that we have not heard of", FirstOn(session, path));
    }

    /// <summary>The bound path before the one that has just answered: what happened to the gateway speaks for neither.</summary>
    private static ImmutableArray<PathId> FirstOn(ClientSession session, ClientPath path) =>
        session.Bound is { } bound && bound.Path != path.Id ? [bound.Path, path.Id] : [path.Id];

    /// <summary>Where the gateway may not know the session it needs the ticket: everywhere but on a bound path that answers.</summary>
    private static bool WithTicket(ClientTurn turn, ClientPath path) =>
        turn.State.Selection.Bound != path.Id
        || turn.State.Selection.SuspectSince is not null
        || turn.State.Selection.Paths.GetValueOrDefault(path.Id) is not { Health.LastAnswerAt: not null };

    /// <summary>The MAC covers all of the datagram but its own place.</summary>
    private static UInt128 Authenticate(ClientTurn turn, ClientSession session, Span<byte> datagram)
    {
        Span<byte> covered = stackalloc byte[datagram.Length - ProtocolConstants.MacSize];
        datagram[..Probe.MacOffset].CopyTo(covered);
        datagram[Probe.Size..].CopyTo(covered[Probe.MacOffset..]);
        Span<byte> mac = datagram.Slice(Probe.MacOffset, ProtocolConstants.MacSize);
        turn.Crypto.Mac(session.Secrets.Probe, covered, mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    private static bool IsAuthentic(ClientTurn turn, ClientSession session, UInt128 probeMac, ReadOnlySpan<byte> datagram)
    {
        Span<byte> covered = stackalloc byte[ProtocolConstants.MacSize + ProbeReply.MacOffset];
        BinaryPrimitives.WriteUInt128BigEndian(covered, probeMac);
        datagram[..ProbeReply.MacOffset].CopyTo(covered[ProtocolConstants.MacSize..]);
        return turn.Crypto.VerifyMac(session.Secrets.Probe, covered, datagram[ProbeReply.MacOffset..]);
    }
}
