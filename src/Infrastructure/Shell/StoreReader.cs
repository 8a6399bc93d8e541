using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// Carries a gateway core's reads of a shared store there and its answers back, and its wishes for other nodes' sessions. A bounded
/// number runs at a time and a bounded number waits; beyond that the answer is that the store cannot be read, and the client asks again.
/// </summary>
/// <param name="post">Takes an answer, on any thread.</param>
/// <param name="warn">Takes one line about what cannot be trusted.</param>
public sealed class StoreReader(IClusterStore store, Action<GatewayInput> post, Action<string> warn)
{
    /// <summary>Reads under way: enough to keep a few connections busy, too few to starve appends of the processor.</summary>
    public const int MaxRunning = 32;

    /// <summary>Reads that may wait: every client of a large gateway at once.</summary>
    public const int MaxWaiting = 20_000;

    private readonly Lock _gate = new();
    private readonly Queue<Func<Task>> _waiting = new();
    private int _running;

    /// <summary>Reads a session; answered by SessionLoaded.</summary>
    public void Load(GatewayEffect.Load load) => Start(
        async () => post(new GatewayInput.SessionLoaded(load.Session, Judge(await store.LoadAsync(load.Session).ConfigureAwait(false)))),
        () => post(new GatewayInput.SessionLoaded(load.Session, new LoadedSession.Unavailable())));

    /// <summary>Reads the live session of a client; answered by ClientLoaded.</summary>
    public void LoadClient(GatewayEffect.LoadClient load) => Start(
        async () => post(new GatewayInput.ClientLoaded(load.Client, Judge(await store.LoadClientAsync(load.Client).ConfigureAwait(false)))),
        () => post(new GatewayInput.ClientLoaded(load.Client, new LoadedSession.Unavailable())));

    /// <summary>Asks another node for a session. Nothing answers: the core asks again while its client does.</summary>
    public void Want(GatewayEffect.Want want) => Start(async () => _ = await store.WantAsync(want.Session, want.Version).ConfigureAwait(false), static () => { });

    private void Start(Func<Task> read, Action refuse)
    {
        Func<Task>? guarded = () => RunAsync(read, refuse);
        lock (_gate)
        {
            if (_running < MaxRunning) _running++;
            else if (_waiting.Count < MaxWaiting)
            {
                _waiting.Enqueue(guarded);
                return;
            }
            else guarded = null;
        }
        if (guarded is null) refuse();
        else _ = Task.Run(() => WorkAsync(guarded));
    }

    /// <summary>One of the running: takes what waits for as long as something does.</summary>
    private async Task WorkAsync(Func<Task>? read)
    {
        while (read is not null)
        {
            await read().ConfigureAwait(false);
            lock (_gate)
            {
                if (!_waiting.TryDequeue(out read)) _running--;
            }
        }
    }

    private async Task RunAsync(Func<Task> read, Action refuse)
    {
        try
        {
            await read().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A broken invariant of the store: nothing is known, so nothing may be granted (REQ-SAFETY-1).
        catch (Exception fault)
#pragma warning restore CA1031
        {
            warn($"a read of the store failed: {fault.Message}");
            refuse();
        }
    }

    private LoadedSession Judge(LoadResult result)
    {
        switch (result)
        {
            case LoadResult.Found found:
                return SessionRecords.Restore(found.History).Match(
                    Right: LoadedSession (session) => new LoadedSession.Found(session),
                    Left: problem => Distrust(problem));
            case LoadResult.Missing:
                return new LoadedSession.Missing();
            case LoadResult.Corrupt corrupt:
                return Distrust(corrupt.Reason);
            case LoadResult.Unavailable:
                return new LoadedSession.Unavailable();
            default:
                throw new InvalidOperationException("a load result that is none of the known ones");
        }
    }

    private LoadedSession.Corrupt Distrust(string problem)
    {
        warn($"a session is not served, because its history cannot be trusted: {problem}");
        return new();
    }
}
