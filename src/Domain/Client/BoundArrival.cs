using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>What BOUND brings about: a new session, or a session with another transport or other keys.</summary>
internal static class BoundArrival
{
    /// <summary>Smallest tunnel that carries IPv4 at all (RFC 791); a gateway that names less is broken.</summary>
    private const int MinTunnelMtu = 576;

    public static bool TryOpen(ClientTurn turn, ClientPath path, SecretHandle gatewayControl, ReadOnlySpan<byte> datagram, out Bound bound)
    {
        Span<byte> plaintext = stackalloc byte[Bound.PlaintextSize];
        bound = null!;
        if (!turn.Crypto.TryOpen(gatewayControl, 0, datagram[..Bound.HeaderSize], datagram[Bound.HeaderSize..], plaintext))
        {
            turn.Reject(ReasonCode.BadTag, "BOUND on " + path.Name);
            return false;
        }
        if (Bound.TryReadPlaintext(plaintext, out bound) && bound.InnerMtu >= MinTunnelMtu && Enum.IsDefined((SessionState)bound.State)) return true;
        turn.Reject(ReasonCode.Malformed, "BOUND on " + path.Name);
        return false;
    }

    /// <summary>A handshake has committed: the session begins. Takes over the secrets of <paramref name="handshake"/>.</summary>
    public static void Establish(ClientTurn turn, ClientPath path, uint localIndex, HandshakeStage.Confirming handshake, Bound bound)
    {
        int mtu = Math.Min(bound.InnerMtu, path.Mtu.InnerLimit(path.Remote));
        var keys = new TrafficKeys(handshake.Suite, handshake.Keys.ClientData, handshake.Keys.GatewayData, localIndex, handshake.RemoteIndex);
        turn.State = turn.State with
        {
            Ended = null,
            Session = new ClientSession
            {
                Id = handshake.Session,
                State = (SessionState)bound.State,
                Version = bound.Version,
                BindingVersion = bound.BindingVersion,
                OwnershipEpoch = bound.OwnershipEpoch,
                KeyEpoch = bound.KeyEpoch,
                Secrets = SessionSecrets.Derive(turn.Crypto, handshake.Root),
                Ticket = bound.Ticket,
                Policy = bound.Policy,
                Addresses = bound.Addresses,
                TunnelMtu = bound.InnerMtu,
                Instances = [turn.State.Instance],
                BoundInstance = bound.Instance,
                Nonces = turn.Environment.KeepsState ? new NonceBook(1, 1) : NonceBook.Unlimited,
                Since = turn.Now,
                KeyedAt = turn.Now,
                ExpiresAt = turn.Now + Milliseconds(bound.RemainingMilliseconds),
                Bound = new(path.Id, path.Uplink, path.Transport, ClientPaths.LocalOf(turn.State, path), turn.Now),
                Epochs = [new(localIndex, handshake.RemoteIndex, path.Id, Instant.Never)],
                SendingIndex = localIndex,
                CommittedIndex = localIndex,
                IsOpen = true,
                InnerMtu = mtu,
                LastReason = ReasonCode.HandshakeOk,
            },
        };
        turn.Emit(new ClientEffect.ConfigureTunnel(bound.Addresses, turn.Environment.AllowedPrefixes, mtu));
        turn.Emit(new ClientEffect.OpenSession(handshake.Session, turn.Environment.AllowedPrefixes, mtu));
        turn.Emit(new ClientEffect.InstallEpoch(handshake.Session, keys, path.Transport));
        turn.Emit(new ClientEffect.Bind(handshake.Session, localIndex, path.Transport, turn.Now));
        turn.Emit(new ClientEffect.Forget(handshake.Keys.ClientData));
        turn.Emit(new ClientEffect.Forget(handshake.Keys.GatewayData));
        handshake.Keys.ReleaseControl(turn.Crypto);
        Report(turn, SessionState.Birth, ReasonCode.HandshakeOk, "a new session over " + path.Name);
        StateSaving.SessionChanged(turn);
        ClientWatch.Established(turn, path.Id);
    }

    /// <summary>A reattach has committed. Its attempt's secrets and those of all the others are released here.</summary>
    public static void Rebind(ClientTurn turn, ClientPath path, ReattachAttempt attempt, Bound bound)
    {
        ClientSession session = turn.State.Session!;
        Reattach reattach = turn.State.Reattach!;
        if (!session.Instances.Contains(bound.Instance))
        {
            SessionEnds.ReportCopy(turn, bound.Instance);
            return;
        }
        if (bound.BindingVersion < session.BindingVersion || bound.OwnershipEpoch < session.OwnershipEpoch)
        {
            // REQ-SAFETY-1: the gateway has forgotten what it has granted; nothing that it says of this session can be relied on.
            SessionEnds.EndLocally(turn, ReasonCode.Ambiguity, "the gateway named a version below one that it had named before");
            return;
        }
        ReasonCode reason = reattach.Kind == ReattachKind.Rekey && bound.BindingVersion == session.BindingVersion ? ReasonCode.KeysRotated
            : bound.OwnershipEpoch > session.OwnershipEpoch ? ReasonCode.OwnershipClaimed
            : ReasonCode.TransportSwitched;
        InstalledEpoch? old = session.Epochs.FirstOrDefault(epoch => epoch.LocalIndex == session.SendingIndex);
        bool isSending = session.SendingIndex == attempt.LocalIndex;
        turn.State = turn.State with
        {
            Session = session with
            {
                State = (SessionState)bound.State,
                Version = Math.Max(session.Version, bound.Version),
                BindingVersion = bound.BindingVersion,
                OwnershipEpoch = bound.OwnershipEpoch,
                KeyEpoch = bound.KeyEpoch,
                Ticket = bound.Ticket,
                Policy = bound.Policy,
                Addresses = bound.Addresses,
                TunnelMtu = bound.InnerMtu,
                BoundInstance = bound.Instance,
                KeyedAt = turn.Now,
                ExpiresAt = turn.Now + Milliseconds(bound.RemainingMilliseconds),
                Bound = new(path.Id, path.Uplink, path.Transport, ClientPaths.LocalOf(turn.State, path), turn.Now),
                SendingIndex = attempt.LocalIndex,
                Acknowledged = 0,
                Ending = !isSending && reattach.IsGentle && old is not null ? new EndedEpoch(old.RemoteIndex, attempt.LocalIndex) : null,
                Switches = session.Switches + (reason == ReasonCode.KeysRotated ? 0 : 1),
                LastReason = reason,
            },
        };
        if (!isSending) turn.Emit(new ClientEffect.Bind(session.Id, attempt.LocalIndex, path.Transport, turn.Now + ClientLimits.OldEpochLifetime));
        ClientReattaches.Clear(turn);
        RetireEpochs(turn, session, attempt.LocalIndex, bound.KeyEpoch == session.KeyEpoch + 1 ? bound.OldEnd : 0);
        Configure(turn, session, path);
        Report(turn, session.State, reason, reattach.Cause + ": " + path.Name);
        StateSaving.SessionChanged(turn);
        ClientWatch.Rebound(turn, path.Id, attempt.Kind);
        ClientPaths.Refresh(turn);
    }

    /// <summary>Tells tunnel and data plane what has changed for them.</summary>
    private static void Configure(ClientTurn turn, ClientSession before, ClientPath path)
    {
        ClientSession session = turn.State.Session!;
        if (before.TunnelMtu == 0 || !before.Addresses.AsSpan().SequenceEqual(session.Addresses.AsSpan()))
            turn.Emit(new ClientEffect.ConfigureTunnel(session.Addresses, turn.Environment.AllowedPrefixes, MtuOver(session, path)));
        FitMtu(turn, path);
    }

    /// <summary>The inner MTU becomes what the tunnel and this path both take.</summary>
    public static void FitMtu(ClientTurn turn, ClientPath path)
    {
        ClientSession session = turn.State.Session!;
        int mtu = MtuOver(session, path);
        if (session.TunnelMtu == 0 || mtu == session.InnerMtu) return;
        turn.Emit(new ClientEffect.SetInnerMtu(session.Id, mtu));
        turn.State = turn.State with { Session = session with { InnerMtu = mtu } };
    }

    private static int MtuOver(ClientSession session, ClientPath path) => Math.Min(session.TunnelMtu, path.Mtu.InnerLimit(path.Remote));

    public static void Report(ClientTurn turn, SessionState from, ReasonCode reason, string change)
    {
        ClientSession session = turn.State.Session!;
        string transport = session.Bound is { } bound && session.State.IsBound() ? $"{bound.Uplink} {bound.Local} -> {bound.Address.Remote}" : "-";
        turn.Emit(new ClientEffect.Report(new ClientReport.Transition(session.Id, (long)session.Version, from, session.State, reason, transport, change)));
    }

    /// <summary>
    /// The epoch that was committed before goes on receiving for a short time, up to where the gateway ended it (0: not known,
    /// because a BOUND in between was lost); those that were never committed go at once.
    /// </summary>
    private static void RetireEpochs(ClientTurn turn, ClientSession before, uint bound, ulong oldEnd)
    {
        var kept = ImmutableArray.CreateBuilder<InstalledEpoch>();
        foreach (InstalledEpoch epoch in turn.State.Session!.Epochs)
        {
            if (epoch.LocalIndex == bound)
            {
                kept.Add(epoch with { RemoveAt = Instant.Never });
            }
            else if (epoch.LocalIndex == before.CommittedIndex)
            {
                kept.Add(epoch with { RemoveAt = turn.Now + ClientLimits.OldEpochLifetime });
                if (oldEnd != 0) turn.Emit(new ClientEffect.LimitEpoch(before.Id, epoch.LocalIndex, oldEnd));
            }
            else if (epoch.RemoveAt == Instant.Never)
            {
                turn.Emit(new ClientEffect.RemoveEpoch(before.Id, epoch.LocalIndex));
            }
            else
            {
                kept.Add(epoch);
            }
        }
        // Many binds in a row: only the last of the old epochs can still have packets on the way.
        foreach (InstalledEpoch epoch in kept.Where(epoch => epoch.RemoveAt != Instant.Never).SkipLast(ClientLimits.OldEpochs).ToArray())
        {
            turn.Emit(new ClientEffect.RemoveEpoch(before.Id, epoch.LocalIndex));
            kept.Remove(epoch);
        }
        turn.State = turn.State with { Session = turn.State.Session with { Epochs = kept.ToImmutable(), CommittedIndex = bound } };
    }

    private static TimeSpan Milliseconds(ulong count) => TimeSpan.FromMilliseconds((long)Math.Min(count, (ulong)TimeSpan.FromDays(3650).TotalMilliseconds));
}
