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
public readonly record struct AdmissionResult(AdmissionVerdict Verdict, ReasonCode Reason, SourceRecord Source, bool IsVain);

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

    /// <summary>Which sessions floods name; on the receiving thread.</summary>
    public SessionMisuse Misuse => misuse;

    /// <summary>Judges a datagram.</summary>
    /// <param name="state">The core's state after its last step.</param>
    /// <param name="now">On the core's clock.</param>
    /// <param name="uptime">On a clock that never stands still, as the core's does while no node may serve: budgets must fill then too.</param>
    public AdmissionResult Check(GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, Instant uptime)
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
        if (isVain && Names(datagram, reason)) misuse.Note(SessionId.Read(datagram[Prepare.SessionOffset..]), uptime);
        return new(verdict, reason, record, isVain);
    }

    /// <summary>True if the datagram names a session, by an id that this cluster has made.</summary>
    private static bool Names(ReadOnlySpan<byte> datagram, ReasonCode reason) =>
        reason is ReasonCode.BadProof or ReasonCode.RateLimited && (MessageType)datagram[0] is MessageType.Prepare or MessageType.Probe or MessageType.End;

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
