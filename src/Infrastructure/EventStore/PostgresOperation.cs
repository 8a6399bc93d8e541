using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>Something that the writer does for a caller who waits. It is answered exactly once; later answers are passed over.</summary>
internal abstract class PostgresOperation
{
    public abstract void Fail(StoreFailure failure);

    public abstract void Throw(Exception exception);
}

/// <summary>An append that waits for its commit.</summary>
internal sealed class PostgresAppend(AppendRequest request) : PostgresOperation
{
    private readonly TaskCompletionSource<AppendResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public AppendRequest Request => request;

    public Task<AppendResult> Answer => _answer.Task;

    public void Complete(AppendResult result) => _answer.TrySetResult(result);

    public override void Fail(StoreFailure failure) =>
        Complete(failure.MayBeStored ? new AppendResult.Unknown(failure.Reason) : new AppendResult.Unavailable(failure.Reason));

    public override void Throw(Exception exception) => _answer.TrySetException(exception);
}

/// <summary>A read that answers only when no earlier write of this process can change what it says.</summary>
internal sealed class PostgresResolve(SessionId stream) : PostgresOperation
{
    private readonly TaskCompletionSource<LoadResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SessionId Stream => stream;

    public Task<LoadResult> Answer => _answer.Task;

    public void Complete(LoadResult result) => _answer.TrySetResult(result);

    public override void Fail(StoreFailure failure) => Complete(new LoadResult.Unavailable(failure.Reason));

    public override void Throw(Exception exception) => _answer.TrySetException(exception);
}
