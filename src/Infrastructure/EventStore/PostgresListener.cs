using JumpingVpn.Domain.Primitives;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Hears notices on a connection of its own, and connects again when that is lost. What it misses meanwhile, the next renewal says.
/// </summary>
internal sealed class PostgresListener : IAsyncDisposable
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>How often a silent connection is tried.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly PostgresDatabase _database;
    private readonly Action<ClusterNotice> _notice;
    private readonly string _listen;
    private readonly Task _running;

    public PostgresListener(PostgresDatabase database, IncarnationId self, Action<ClusterNotice> notice)
    {
        _database = database;
        _notice = notice;
        _listen = $"LISTEN {PostgresChannels.Of(self)}; LISTEN {PostgresChannels.OfAll(database.Schema)}";
        _running = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        TimeSpan pause = LongestPause / 10;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using NpgsqlConnection connection = await _database.OpenAloneAsync().ConfigureAwait(false);
                connection.Notification += (_, arguments) =>
                {
                    if (PostgresChannels.Read(arguments.Payload) is { } notice) _notice(notice);
                };
                await connection.ExecuteAsync(_listen).ConfigureAwait(false);
                pause = LongestPause / 10;
                while (true)
                    if (!await connection.WaitAsync(Silence, _stop.Token).ConfigureAwait(false)) await connection.ExecuteAsync("SELECT 1").ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception)
            {
                // Notices only save time; whatever ended them, another connection brings them back.
                await Task.Delay(pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, LongestPause.Ticks));
            }
        }
    }
}
