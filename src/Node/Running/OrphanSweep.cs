using System.Collections.Immutable;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Telemetry;
using LanguageExt;

namespace JumpingVpn.Node.Running;

/// <summary>
/// Looks for live sessions that no living node serves and for which something is due, and shows them to the core, which ends them or
/// notes that their transport is lost. Clients come first: a node that has just gone is left to them for a while.
/// </summary>
internal sealed class OrphanSweep : IAsyncDisposable
{
    /// <summary>Sessions that one sweep takes: a second's work at the pace of one a few milliseconds.</summary>
    public const int Batch = 256;

    /// <summary>How long a node must have been gone before its sessions are looked at.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan EndPatience = TimeSpan.FromMilliseconds(300);

    private readonly IClusterStore _store;
    private readonly Func<Instant> _clock;
    private readonly Func<bool> _serves;
    private readonly Func<ImmutableArray<IncarnationId>> _gone;
    private readonly Action<GatewayInput> _post;
    private readonly RepeatedWarning _trouble;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private SessionId _after;

    /// <param name="clock">The service clock.</param>
    /// <param name="serves">This node holds a lease.</param>
    /// <param name="gone">The owners that are known to have been gone for <see cref="Grace"/>.</param>
    /// <param name="warn">Takes one line about a look that failed.</param>
    public OrphanSweep(
        IClusterStore store, Func<Instant> clock, Func<bool> serves, Func<ImmutableArray<IncarnationId>> gone, Action<GatewayInput> post, Action<string> warn)
    {
        (_store, _clock, _serves, _gone, _post, _trouble) = (store, clock, serves, gone, post, new("sessions without an owner were not looked for: ", warn));
        _running = RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // A look that waits for a store that is away goes on by itself; nobody heeds what it finds.
        _ = await Task.WhenAny(_running, Task.Delay(EndPatience)).ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>One look, from where the last one ended.</summary>
    internal async Task SweepAsync()
    {
        if (!_serves()) return;
        Either<string, ImmutableArray<SessionId>> found = await _store.OrphansAsync(_clock(), _gone(), _after, Batch).ConfigureAwait(false);
        // A store that cannot be read shows in the lease; the next look comes soon.
        ImmutableArray<SessionId> orphans = found.IfLeft([]);
        _after = orphans.Length == Batch ? orphans[^1] : default;
        if (!orphans.IsEmpty) _post(new GatewayInput.SessionsOrphaned(orphans));
    }

    /// <summary>A sweep that fails, for whatever reason, must not be the last one.</summary>
    internal async Task LookAsync()
    {
        string? fault = null;
        try
        {
            await SweepAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // See above; a later look may find the store in order.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e.Message;
        }
        _trouble.Look(_clock(), fault);
    }

    private async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false)) await LookAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The node stops.
        }
    }
}
