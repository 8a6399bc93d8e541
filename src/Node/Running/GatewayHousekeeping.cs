using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Telemetry;

namespace JumpingVpn.Node.Running;

/// <summary>
/// What a gateway does now and then: checkpoints the service clock, retires ended sessions, changes the cookie secret, gives memory back,
/// and says what keeps the store or the archive from forgetting.
/// </summary>
internal sealed class GatewayHousekeeping : IAsyncDisposable
{
    private static readonly TimeSpan RetireInterval = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly TimeSpan _patience;
    private readonly Task _running;

    public GatewayHousekeeping(GatewayBacking backing, Func<Instant> clock, Action rotateCookies, NodeReports log)
    {
        _patience = backing.ClosePatience;
        _running = RunAsync(backing, clock, rotateCookies, log, _stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _ = await Task.WhenAny(_running, Task.Delay(_patience)).ConfigureAwait(false);
        _stop.Dispose();
    }

    private static async Task RunAsync(GatewayBacking backing, Func<Instant> clock, Action rotateCookies, NodeReports log, CancellationToken stop)
    {
        var storeTrouble = new RepeatedWarning("ended sessions stay in the store: ", log.Warning);
        var archiveTrouble = new RepeatedWarning("old audit segments could not be deleted: ", log.Warning);
        var faults = new RepeatedWarning("what is done now and then failed: ", log.Warning);
        Instant retireAt = clock() + RetireInterval;
        Instant rotateAt = clock() + ControlFilter.CookieLifetime;
        var heap = new HeapTrim();
        using var timer = new PeriodicTimer(ServiceClock.CheckpointInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                string? fault = null;
                try
                {
                    await LookAsync(clock()).ConfigureAwait(false);
                }
#pragma warning disable CA1031 // One look that failed must not be the last one, whatever was wrong.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    fault = e.Message;
                }
                faults.Look(clock(), fault);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The node stops.
        }

        async Task LookAsync(Instant now)
        {
            heap.Look();
            // A node without a lease leaves the store to those that hold one.
            if (backing.Cluster is { Serves: false }) return;
            if (now >= rotateAt)
            {
                rotateAt = now + ControlFilter.CookieLifetime;
                rotateCookies();
            }
            IEventStore store = backing.Store;
            _ = await store.CheckpointAsync(now).ConfigureAwait(false);
            if (now < retireAt) return;
            retireAt = now + RetireInterval;
            RetireResult retired = await store.RetireAsync(now).ConfigureAwait(false);
            storeTrouble.Look(now, retired.Failure);
            archiveTrouble.Look(now, backing.Archive.PruneFailure);
        }
    }
}
