using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// The state file: written whenever the session's ticket or binding has changed, and before the reserved nonces run out.
/// A nonce is used only after the file that gives it away is on disk (REQ-REPLAY-1).
/// </summary>
internal static class StateSaving
{
    /// <summary>The session has something new to remember.</summary>
    public static void SessionChanged(ClientTurn turn)
    {
        if (!turn.Environment.KeepsState) return;
        turn.State = turn.State with { File = turn.State.File with { IsDirty = true } };
        Write(turn);
    }

    /// <summary>A nonce was used: when few are left the next block is reserved.</summary>
    public static void NonceTaken(ClientTurn turn)
    {
        if (turn.State.Session!.Nonces.IsLow && turn.State.File.Reserving is null && turn.State.File.RetryAt == Instant.Never) SessionChanged(turn);
    }

    public static void Saved(ClientTurn turn, long save)
    {
        if (save != turn.State.File.LastSave || turn.State.File.Reserving is not { } reserved) return;
        turn.State = turn.State with { File = turn.State.File with { Reserving = null, RetryAt = Instant.Never, HasPromise = true } };
        if (turn.State.Session is { } session)
        {
            turn.State = turn.State with { Session = session with { Nonces = session.Nonces with { UsableBelow = reserved } } };
            ClientReattaches.NoncesReady(turn);
        }
        Write(turn);
    }

    /// <summary>
    /// The file could not be written. A session that it has never held goes on without it, but only up to what the failed
    /// write would have promised, since that write may have reached the disk after all.
    /// </summary>
    public static void Failed(ClientTurn turn, long save, string problem)
    {
        if (save != turn.State.File.LastSave || turn.State.File.Reserving is not { } reserved) return;
        turn.Warn("the state file could not be written: " + problem);
        turn.State = turn.State with
        {
            File = turn.State.File with { Reserving = null, IsDirty = true, RetryAt = turn.Now + turn.Jitter(ClientLimits.SaveRetry) },
        };
        if (turn.State.Session is not { } session) return;
        if (!turn.State.File.HasPromise && session.Nonces.UsableBelow < reserved && session.Nonces.UsableBelow == 1)
        {
            turn.State = turn.State with { Session = session with { Nonces = session.Nonces with { UsableBelow = reserved } } };
            ClientReattaches.NoncesReady(turn);
        }
        else if (!session.Nonces.HasOne && turn.State.Reattach is not null)
        {
            // REQ-SAFETY-1: without a nonce that is surely fresh the session cannot go on.
            SessionEnds.EndLocally(turn, ReasonCode.Ambiguity, "no nonce can be reserved");
        }
    }

    public static void Run(ClientTurn turn)
    {
        if (turn.State.File.RetryAt <= turn.Now) Write(turn);
    }

    public static Instant Deadline(ClientState state) => state.File.RetryAt;

    /// <summary>The session is over: what was promised for it is void, and the next one starts with an empty file.</summary>
    public static void Forget(ClientTurn turn)
    {
        if (!turn.Environment.KeepsState) return;
        turn.Emit(new ClientEffect.DeleteState());
        turn.State = turn.State with { File = StateFile.None with { LastSave = turn.State.File.LastSave } };
    }

    /// <summary>True while something of the session is not known to be on disk.</summary>
    public static bool IsUnsaved(ClientState state) => state.File.Reserving is not null || state.File.IsDirty;

    private static void Write(ClientTurn turn)
    {
        if (turn.State is not { Session: { } session, File: { IsDirty: true, Reserving: null } file }) return;
        ulong reserve = session.Nonces.IsLow ? session.Nonces.Next + ClientLimits.NonceBlock : session.Nonces.UsableBelow;
        long save = file.LastSave + 1;
        turn.State = turn.State with { File = file with { LastSave = save, Reserving = reserve, IsDirty = false, RetryAt = Instant.Never } };
        turn.Emit(new ClientEffect.SaveState(save, new ClientResumption(
            turn.Environment.Gateway, session.Id, session.Secrets.Root, session.Ticket, session.BindingVersion, reserve, session.Instances)));
    }
}
