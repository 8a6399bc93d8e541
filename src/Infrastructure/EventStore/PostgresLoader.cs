using System.Collections.Immutable;
using System.Threading.Channels;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using Npgsql;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>
/// Loads single streams. What is asked for while a query runs goes into the next one together: after a node's death thousands of
/// sessions come at once.
/// </summary>
internal sealed class PostgresLoader : IAsyncDisposable
{
    /// <summary>Loads that may wait; further ones are refused.</summary>
    public const int QueueLength = 16_384;

    /// <summary>Queries at a time: one reads while the other's results are checked.</summary>
    private const int Queries = 2;

    private readonly Channel<(SessionId Id, TaskCompletionSource<LoadResult> Answer)> _queue =
        Channel.CreateBounded<(SessionId, TaskCompletionSource<LoadResult>)>(QueueLength);

    private readonly PostgresReader _reader;
    private readonly Task[] _running;

    public PostgresLoader(PostgresReader reader)
    {
        _reader = reader;
        _running = [.. Enumerable.Range(0, Queries).Select(_ => Task.Run(RunAsync))];
    }

    public static SessionId IdOf(NpgsqlDataReader row) => SessionId.TryParse(row.GetString(0), out SessionId id) ? id : default;

    public Task<LoadResult> LoadAsync(SessionId id)
    {
        var answer = new TaskCompletionSource<LoadResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_queue.Writer.TryWrite((id, answer)))
            answer.SetResult(new LoadResult.Unavailable(_queue.Reader.Completion.IsCompleted ? "the store is closed" : "the store is overloaded"));
        return answer.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await Task.WhenAll(_running).ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var waiting = new List<(SessionId Id, TaskCompletionSource<LoadResult> Answer)>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (waiting.Count < PostgresReader.PageSize && _queue.Reader.TryRead(out (SessionId, TaskCompletionSource<LoadResult>) next)) waiting.Add(next);
            if (waiting.Count > 0) await LoadTogetherAsync(waiting).ConfigureAwait(false);
            waiting.Clear();
        }
    }

    private async Task LoadTogetherAsync(List<(SessionId Id, TaskCompletionSource<LoadResult> Answer)> waiting)
    {
        try
        {
            string[] ids = [.. waiting.Select(static load => load.Id.ToString()).Distinct()];
            Either<string, ImmutableArray<LoadResult>> read = await _reader.LoadAsync(ids).ConfigureAwait(false);
            var found = read.Match(
                Right: static results => results.ToDictionary(IdOf),
                Left: static _ => []);
            foreach ((SessionId id, TaskCompletionSource<LoadResult> answer) in waiting)
                answer.SetResult(
                    read.IsLeft ? new LoadResult.Unavailable((string)read) : found.GetValueOrDefault(id) ?? new LoadResult.Missing(id));
        }
        catch (Exception e)
        {
            // A fault of the program belongs to those who wait, not to this task.
            foreach ((_, TaskCompletionSource<LoadResult> answer) in waiting) answer.TrySetException(e);
        }
    }

    private static SessionId IdOf(LoadResult result) => result switch
    {
        LoadResult.Found found => found.History.Stream,
        LoadResult.Corrupt corrupt => corrupt.Stream,
        _ => throw new InvalidOperationException($"{result.GetType().Name} is no stream that was read"),
    };
}
