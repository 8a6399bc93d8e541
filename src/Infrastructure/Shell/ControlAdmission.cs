using System.Buffers.Binary;
using System.Security.Cryptography;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>What is done with a control datagram.</summary>
/// <param name="Reason">Why it is not passed on; None if it is.</param>
/// <param name="Source">What was known of its source before it came.</param>
/// <param name="IsVain">It speaks against its source, which should not have sent it, or not that often.</param>
/// <param name="NamesSession">It is vain, and bears the id of a session of this node that no flood names.</param>
public readonly record struct AdmissionResult(AdmissionVerdict Verdict, ReasonCode Reason, SourceRecord Source, bool IsVain, bool NamesSession = false);

/// <summary>
/// All that a control datagram passes before a gateway's core takes it, cheap before dear: its shape, the turn of its source, its mark, its
/// proof, and for what nothing in memory can prove the cookie under load (docs/PROTOCOL.md, order of checks). One thread; allocates nothing.
/// </summary>
public sealed class ControlAdmission(ControlFilter filter, ProofGate gate, SourceStanding standing, SessionMisuse misuse)
{
    /// <summary>Those of a node, with tables of the usual size that are keyed with a seed of their own.</summary>
    /// <param name="tokenSecret">The node's; lives as long as this.</param>
    public static ControlAdmission Create(SodiumCryptography crypto, ControlFilter filter, SecretHandle tokenSecret)
    {
        var mix = new KeyedMix(BinaryPrimitives.ReadUInt128LittleEndian(RandomNumberGenerator.GetBytes(16)));
        return new(filter, new ProofGate(crypto, crypto, tokenSecret, mix), new SourceStanding(mix, SourceBudgets.Default), new SessionMisuse(mix));
    }

    /// <summary>What sources have shown; on the receiving thread.</summary>
    public SourceStanding Standing => standing;

    /// <summary>Changes when a source is proven that was not before, or a session begins to be misused.</summary>
    public int Version => standing.Version + misuse.Version;

    /// <summary>Ids of all sessions that no flood names; none if there are more sessions than there is room for.</summary>
    /// <param name="uptime">As of <see cref="Check"/>.</param>
    /// <returns>How many they are.</returns>
    public int ReadSessions(GatewayState state, Span<SessionId> sessions, Instant uptime)
    {
        if (state.Sessions.Count > sessions.Length) return 0;
        int count = 0;
        foreach (KeyValuePair<SessionId, GatewaySession> session in state.Sessions)
            if (!misuse.Contains(session.Key, uptime)) sessions[count++] = session.Key;
        return count;
    }

    /// <summary>Judges a datagram.</summary>
    /// <param name="state">The core's state after its last step.</param>
    /// <param name="now">On the core's clock.</param>
    /// <param name="uptime">On a clock that never stands still, as the core's does while no node may serve: budgets must fill then too.</param>
    public AdmissionResult Check(GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, Instant uptime)
    {
        AdmissionResult result = Judge(state, source, datagram, now, uptime);
        return result.IsVain ? result with { NamesSession = NamesSession(state, datagram, uptime) } : result;
    }

    /// <summary>Whatever it is else, and why ever it was refused: a packet filter lets it in for the id alone.</summary>
    private bool NamesSession(GatewayState state, ReadOnlySpan<byte> datagram, Instant uptime)
    {
        if (datagram.Length < Prepare.SessionOffset + SessionId.Size) return false;
        SessionId session = SessionId.Read(datagram[Prepare.SessionOffset..]);
        return state.Sessions.ContainsKey(session) && !misuse.Note(session, uptime);
    }

    private AdmissionResult Judge(GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, Instant uptime)
    {
        SourceRecord record = standing.Of(source.Remote, uptime);
        ReasonCode reason = ControlFilter.CheckShape(datagram);
        if (reason == ReasonCode.None) reason = ProofGate.CheckReceiver(state, datagram);
        if (reason == ReasonCode.None && !standing.TryTake(source.Remote, record, uptime)) return new(AdmissionVerdict.Drop, ReasonCode.RateLimited, record, IsVain: true);
        AdmissionVerdict verdict = AdmissionVerdict.Drop;
        bool isVain = true;
        if (reason == ReasonCode.None) verdict = Examine(state, source, datagram, now, uptime, out reason, out isVain);
        bool isForgery = reason is ReasonCode.BadMac or ReasonCode.BadSessionId or ReasonCode.BadProof;
        if (isVain) standing.Failed(source.Remote, isForgery, uptime);
        return new(verdict, reason, record, isVain);
    }

    private AdmissionVerdict Examine(
        GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, Instant uptime, out ReasonCode reason, out bool isVain)
    {
        isVain = true;
        reason = filter.CheckMark(datagram);
        if (reason != ReasonCode.None) return AdmissionVerdict.Drop;
        switch (gate.Check(state, source, datagram, now, out reason))
        {
            case GateVerdict.Proven:
                standing.Proved(source.Remote, uptime);
                isVain = false;
                return AdmissionVerdict.Pass;
            case GateVerdict.Repeated:
                isVain = false;
                return AdmissionVerdict.Pass;
            case GateVerdict.Unproven:
                AdmissionVerdict verdict = filter.Admit(datagram, source.Remote, now, out reason);
                // Anybody can make a first message. A session's id is this cluster's own, and its clients wait for their turn.
                isVain = verdict != AdmissionVerdict.Pass && datagram[0] == (byte)MessageType.Initiation;
                return verdict;
            default:
                return AdmissionVerdict.Drop;
        }
    }

    /// <summary>False if the session has said more control frames than any client needs.</summary>
    public bool AllowsFrame(SessionId session, Instant now) => gate.AllowsFrame(session, now);

    /// <inheritdoc cref="ControlFilter.MakeCookie"/>
    public void MakeCookie(ReadOnlySpan<byte> datagram, Endpoint source, SecretHandle seed, Span<byte> answer) => filter.MakeCookie(datagram, source, seed, answer);
}
