using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>The start and the stop of the process.</summary>
internal static class ClientLifecycle
{
    /// <summary>What a tunnel carries until its own limit is known: the least that IPv6 asks for (RFC 8200, 5).</summary>
    private const int SmallestMtu = 1280;

    public static void Start(ClientTurn turn, ClientInput.Start start)
    {
        turn.State = turn.State with
        {
            Life = ClientLife.Running,
            Instance = start.Instance,
            AddressKeys = AddressKeys.Derive(turn.Crypto, turn.Environment.Gateway),
            Connect = new(turn.Now, 0),
            AnsweredAt = turn.Now,
            ResolvedAt = turn.Now,
        };
        turn.Emit(new ClientEffect.Resolve());
        if (start.Resumption is not { } resumption) return;
        if (resumption.Gateway == turn.Environment.Gateway && turn.Environment.KeepsState)
        {
            Resume(turn, resumption);
            return;
        }
        turn.Warn("the state file belongs to another gateway: a new session begins");
        turn.Emit(new ClientEffect.Forget(resumption.Root));
    }

    /// <summary>
    /// A client without state ends its session; one with state leaves it so that a later start can go on with it. Both within
    /// the stated patience, whatever answers.
    /// </summary>
    public static void Stop(ClientTurn turn)
    {
        if (turn.State.Life != ClientLife.Running) return;
        ClientHandshakes.DropWhere(turn, _ => true);
        turn.State = turn.State with { Life = ClientLife.Stopping, StopBy = turn.Now + ClientLimits.SavePatience };
        if (turn.State.Session is null) return;
        if (turn.Environment.KeepsState) StateSaving.SessionChanged(turn);
        else SessionEnds.EndForGood(turn, "this client stops");
    }

    /// <summary>Carries the stop out once nothing is waited for.</summary>
    public static void Run(ClientTurn turn)
    {
        if (turn.State.Life != ClientLife.Stopping) return;
        bool isWaiting = turn.State.End is not null || (turn.State.Session is not null && StateSaving.IsUnsaved(turn.State));
        if (isWaiting && turn.Now < turn.State.StopBy) return;
        if (turn.State.Session is not null)
        {
            if (StateSaving.IsUnsaved(turn.State)) turn.Warn("the state file is not known to be written; the next start may need a new session");
            SessionEnds.LeaveResumable(turn);
        }
        SessionEnds.Forget(turn);
        ClientPaths.CloseAll(turn);
        turn.Crypto.Release(turn.State.AddressKeys.Mac1);
        turn.Crypto.Release(turn.State.AddressKeys.Cookie);
        turn.State = turn.State with { Life = ClientLife.Stopped, AddressKeys = default };
        turn.Emit(new ClientEffect.Stopped());
    }

    public static Instant Deadline(ClientState state) => state.Life == ClientLife.Stopping ? state.StopBy : Instant.Never;

    private static void Resume(ClientTurn turn, ClientResumption resumption)
    {
        turn.State = turn.State with
        {
            File = StateFile.None with { HasPromise = true },
            Session = new ClientSession
            {
                Id = resumption.Session,
                State = SessionState.Recovering,
                Version = resumption.BindingVersion,
                BindingVersion = resumption.BindingVersion,
                OwnershipEpoch = 0,
                KeyEpoch = 0,
                Secrets = SessionSecrets.Derive(turn.Crypto, resumption.Root),
                Ticket = resumption.Ticket,
                Policy = SessionPolicy.Default,
                Addresses = [],
                TunnelMtu = 0,
                Instances = [.. resumption.Instances.Add(turn.State.Instance).TakeLast(ClientResumption.MaxInstances)],
                BoundInstance = resumption.Instances.IsEmpty ? default : resumption.Instances[^1],
                Nonces = new(resumption.NonceReservedUpTo, resumption.NonceReservedUpTo),
                Since = turn.Now,
                InnerMtu = SmallestMtu,
                LastReason = ReasonCode.TransportDead,
            },
        };
        // Before this start's name and nonces are on disk nothing may be sent under them.
        StateSaving.SessionChanged(turn);
        ClientReattaches.Begin(turn, ReattachKind.Resume, "a restart of this client", []);
    }
}
