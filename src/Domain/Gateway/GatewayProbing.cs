using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>Probes and challenges: they say what is so and bind nothing.</summary>
internal static class GatewayProbing
{
    private static readonly GatewayProofs.Proof IsAuthentic = (crypto, secrets, datagram) =>
    {
        Span<byte> covered = stackalloc byte[datagram.Length - ProtocolConstants.MacSize];
        datagram[..Probe.MacOffset].CopyTo(covered);
        datagram[Probe.Size..].CopyTo(covered[Probe.MacOffset..]);
        return crypto.VerifyMac(secrets.Probe, covered, Probe.MacOf(datagram));
    };

    /// <summary>PROBE: answers with what this node knows; a new report from the bound source is also life and a measurement.</summary>
    public static void Answer(GatewayTurn turn, TransportAddress source, ReadOnlySpan<byte> bytes, TrafficCounters? counters)
    {
        if (!Probe.TryRead(bytes, out Probe probe))
        {
            turn.Reject(ReasonCode.BadLength, source.Remote);
            return;
        }
        if (turn.State.Draining) return;
        ReadOnlySpan<byte> ticket = Probe.HasTicket(bytes) ? Probe.TicketOf(bytes) : [];
        if (!GatewayProofs.TryProve(turn, probe.Session, source.Remote, ticket, bytes, IsAuthentic, out GatewaySession? session, out SessionSecrets secrets))
            return;
        if (session is null)
        {
            Reply(turn, source, bytes, secrets, new(ProbeReplyFlags.None, probe.Path, probe.Counter, 0, 0, 0, 0, 0, 0, (ushort)bytes.Length, default));
            secrets.Release(turn.Crypto);
            return;
        }
        if (!session.Probes.TryTake(turn.Now, GatewayLimits.Probes, out Admission.TokenBucket probes))
        {
            turn.Reject(ReasonCode.RateLimited, source.Remote, probe.Session);
            return;
        }
        session = session with { Probes = probes };
        bool isServing = session.Epoch is { Bound.IsEmpty: false };
        bool isBound = isServing && session.Epoch!.Transport == source;
        // REQ-REPLAY-3: whoever repeats a report under its sender's address shows no life and measures nothing.
        bool isReport = isBound && probe.Epoch == session.Epoch!.Index && probe.Counter >= session.Epoch.NextReport;
        if (isReport) session = session with { HeardAt = turn.Now, Epoch = session.Epoch! with { NextReport = probe.Counter + 1 } };
        TrafficCounters seen = isServing && counters is { } read && read.LocalIndex == session.Epoch!.Index ? read : default;
        ProbeReplyFlags flags = (isServing ? ProbeReplyFlags.Serving : 0) | (isBound ? ProbeReplyFlags.FromBoundSource : 0);
        // What is borrowed may be old: only an owner names versions.
        (ulong version, ulong bindingVersion) = GatewayOwnership.IsBorrowed(turn, session) ? (0UL, 0UL) : (session.Session.Version, session.Session.BindingVersion);
        Reply(turn, source, bytes, secrets, new(flags, probe.Path, probe.Counter, version, bindingVersion,
            seen.HighestReceived, seen.Received, seen.Sent, seen.LocalIndex == 0 ? 0 : session.Epoch!.RemoteIndex, (ushort)bytes.Length, session.Session.Instance));
        if (isReport && seen.LocalIndex != 0) session = Measure(turn, session, seen, probe);
        turn.Put(session);
    }

    /// <summary>Tells a client that its packets come from an address that is not bound. Moves nothing (REQ-HIJACK-1).</summary>
    public static void Challenge(GatewayTurn turn, GatewayInput.UnboundSourceSeen input)
    {
        if (!turn.State.Sessions.TryGetValue(input.Session, out GatewaySession? session)
            || session.Epoch is not { } epoch || epoch.Index != input.LocalIndex || session.Secrets is not { } secrets)
            return;
        turn.Reject(ReasonCode.UnboundSource, input.Source.Remote, input.Session);
        if (!session.Challenges.TryTake(turn.Now, GatewayLimits.Challenges, out Admission.TokenBucket challenges)) return;
        turn.Put(session with { Challenges = challenges });
        byte[] datagram = new byte[Protocol.Messages.Challenge.Size];
        new Challenge(epoch.RemoteIndex, input.Counter).Write(datagram);
        turn.Crypto.Mac(secrets.Probe, datagram.AsSpan(0, Protocol.Messages.Challenge.MacOffset),
            datagram.AsSpan(Protocol.Messages.Challenge.MacOffset, ProtocolConstants.MacSize));
        turn.Emit(new GatewayEffect.Send(input.Source, datagram));
    }

    private static GatewaySession Measure(GatewayTurn turn, GatewaySession session, TrafficCounters counters, Probe probe)
    {
        (PathQuality quality, bool measured) = session.Quality.Take(turn.Now, session.Epoch!.Index, counters, probe, turn.Environment.Policy);
        session = session with { Quality = quality };
        if (!measured || session.Append is not null || turn.Now < session.RetryAt) return session;
        var command = new SessionCommand.ReportQuality(turn.Now, turn.Environment.Self, quality.Gauge.Report(quality.LossPpm, probe.RttMicroseconds));
        return turn.Decide(session.Session, command).Match(
            decided => decided.Match(
                stream => session with { Append = turn.Append(new PendingAppend.Changing(stream), stream) },
                () => session),
            _ => session);
    }

    private static void Reply(GatewayTurn turn, TransportAddress source, ReadOnlySpan<byte> probe, SessionSecrets secrets, ProbeReply reply)
    {
        byte[] datagram = new byte[ProbeReply.Size];
        reply.Write(datagram);
        GatewayAnswers.Authenticate(turn.Crypto, secrets.Probe, Probe.MacOf(probe), datagram, ProbeReply.MacOffset);
        turn.Emit(new GatewayEffect.Send(source, datagram));
    }
}
