using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Client;

/// <summary>What is known of the state file: at most one write is under way, what comes up meanwhile goes into the next.</summary>
/// <param name="LastSave">Number of the last write that was asked for.</param>
/// <param name="Reserving">The nonces that the write under way promises; null while none is.</param>
/// <param name="IsDirty">There is something newer than the last write.</param>
/// <param name="RetryAt">When a failed write is tried again; <see cref="Instant.Never"/> if there is no need.</param>
/// <param name="HasPromise">A write of this session has succeeded, or it came out of the file.</param>
public sealed record StateFile(long LastSave, ulong? Reserving, bool IsDirty, Instant RetryAt, bool HasPromise)
{
    public static readonly StateFile None = new(0, null, false, Instant.Never, false);
}
