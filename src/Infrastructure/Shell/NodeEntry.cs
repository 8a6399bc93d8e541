using JumpingVpn.Domain.Ownership;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// How a process enters a shared store as a new incarnation of its node. An earlier one that is not known to be dead is watched like
/// any other owner: it is fenced once its number has stood still for lease time and margin, with the store reachable all the while
/// (DESIGN 6). A number that moves is another process of the same name.
/// </summary>
/// <param name="boot">The clock that counts from boot.</param>
/// <param name="pause">Waits; ends early, by an exception, when the process is to end.</param>
public sealed class NodeEntry(IClusterStore store, string node, LeaseTimes times, Func<Instant> boot, Func<TimeSpan, Task> pause)
{
    /// <summary>
    /// Enters. Left, in one line, if the node's name is in use, or, unless <paramref name="patient"/>, if the store does not let it in.
    /// </summary>
    /// <param name="patient">Called, with the reason, where the store cannot be reached and is to be tried again; null to give up then.</param>
    public async Task<Either<string, StoreOpening>> EnterAsync(Action<string>? patient = null)
    {
        WatchedNode? seen = null;
        while (true)
        {
            switch (await store.EnterAsync(Evidence(seen)).ConfigureAwait(false))
            {
                case EnterResult.Entered entered:
                    return entered.Opening;
                case EnterResult.Failed failed:
                    if (patient is null) return failed.Reason;
                    patient(failed.Reason);
                    // What was seen before may have been answered by an old copy since.
                    seen = null;
                    break;
                case EnterResult.Busy busy:
                    if (seen is not null && (seen.Row.Owner != busy.Row.Owner || seen.Row.Number != busy.Row.Number))
                        return $"node id {node} is in use on {busy.Where}";
                    seen ??= new(busy.Row, boot());
                    break;
                default:
                    throw new InvalidOperationException("an entry's result that is none of the known ones");
            }
            await pause(times.Interval).ConfigureAwait(false);
        }
    }

    private FenceEvidence? Evidence(WatchedNode? seen) =>
        seen is not null && boot() >= seen.Since + times.Lease + times.Margin ? new(seen.Row.Owner, seen.Row.Number) : null;
}
