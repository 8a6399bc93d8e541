using System.Buffers;
using System.Security.Cryptography;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>
/// Holds every long-lived secret of the process (REQ-KEYS-2) as 32-byte slots of one locked region (<see cref="LockedMemory"/>) that grows by
/// <see cref="ChunkSize"/> up to a bound. A released slot is zeroed at once, and its generation moves on, so that an old
/// handle is an error and never another's key. Thread-safe; the lock is held for a few instructions.
/// </summary>
public sealed unsafe class SecretArena : IDisposable
{
    /// <summary>Size of a secret, in bytes.</summary>
    public const int SecretSize = ICryptography.SecretSize;

    /// <summary>Bytes by which the region grows: small enough for the tightest usual limit on locked memory, 64 KiB.</summary>
    public const int ChunkSize = 16 * 1024;

    /// <summary>Secrets in a chunk.</summary>
    public const int SecretsPerChunk = ChunkSize / SecretSize;

    /// <summary>Default bound on live secrets: 4 MiB, half of what systemd lets a service lock.</summary>
    public const int DefaultCapacity = 131_072;

    private readonly Lock gate = new();
    private readonly LockedMemory memory;

    // Odd while the slot is live, even while it is free; moves on by one at each change.
    private uint[] generations = [];
    private int[] free = [];
    private int freeCount;
    private int live;
    private bool disposed;

    /// <summary>An arena for at most <paramref name="capacity"/> secrets at a time, rounded up to whole chunks.</summary>
    public SecretArena(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Capacity = checked((capacity + SecretsPerChunk - 1) / SecretsPerChunk * SecretsPerChunk);
        memory = new((nuint)Capacity * SecretSize);
    }

    /// <summary>Most secrets that can be live at a time.</summary>
    public int Capacity { get; }

    /// <summary>Secrets that are live now. Whoever takes handles must bring this back to where it was.</summary>
    public int Live
    {
        get { lock (gate) return live; }
    }

    /// <summary>Copies 32 bytes in. The caller zeroes its own copy.</summary>
    /// <exception cref="SecretMemoryException">The arena is full, or the kernel locks no more memory.</exception>
    public SecretHandle Store(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != SecretSize) throw new ArgumentException($"a secret has {SecretSize} bytes, not {bytes.Length}", nameof(bytes));
        SecretHandle handle = Allocate(out Span<byte> slot);
        bytes.CopyTo(slot);
        return handle;
    }

    /// <summary>A fresh secret from the operating system's generator.</summary>
    /// <exception cref="SecretMemoryException">As for <see cref="Store"/>.</exception>
    public SecretHandle Generate()
    {
        SecretHandle handle = Allocate(out Span<byte> slot);
        RandomBytes.Fill(slot);
        return handle;
    }

    /// <summary>Copies a secret out, for an adapter that must hold the bytes (an AEAD's key, a state file); it zeroes its copy.</summary>
    /// <exception cref="InvalidOperationException">The handle is stale or none.</exception>
    public void CopyTo(SecretHandle handle, Span<byte> destination)
    {
        if (destination.Length != SecretSize)
            throw new ArgumentException($"a secret has {SecretSize} bytes, not {destination.Length}", nameof(destination));
        lock (gate) Slot(handle).CopyTo(destination);
    }

    /// <summary>Copies a secret out if the handle is still live: for a thread that does not own it. The caller zeroes its copy.</summary>
    public bool TryCopyTo(SecretHandle handle, Span<byte> destination)
    {
        lock (gate)
        {
            if (!Names(handle)) return false;
            Slot(handle).CopyTo(destination);
            return true;
        }
    }

    /// <summary>
    /// Lends the bytes without a copy for as long as <paramref name="action"/> runs. Nobody may release the handle in that time:
    /// its owner is the one who lends it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The handle is stale or none.</exception>
    public void Use<TState>(SecretHandle handle, TState state, ReadOnlySpanAction<byte, TState> action) where TState : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(action);
        action(Read(handle), state);
    }

    /// <summary>Zeroes the secret and frees its slot. None is ignored.</summary>
    /// <exception cref="InvalidOperationException">The handle is stale: it was released before.</exception>
    public void Release(SecretHandle handle)
    {
        if (handle.IsNone) return;
        lock (gate)
        {
            CryptographicOperations.ZeroMemory(Slot(handle));
            live--;
            // A slot whose generations are used up is retired, so that no generation ever comes twice.
            if (unchecked(++generations[handle.Slot]) != 0) free[freeCount++] = handle.Slot;
        }
    }

    /// <summary>True while the handle names a secret.</summary>
    public bool IsLive(SecretHandle handle)
    {
        lock (gate) return Names(handle);
    }

    /// <summary>Zeroes everything and gives the memory back; every handle is stale afterwards.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
            live = 0;
            generations = [];
            memory.Dispose();
        }
    }

    /// <summary>A new slot, zeroed, for the caller to fill before anyone else learns of the handle.</summary>
    internal SecretHandle Allocate(out Span<byte> slot)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (freeCount == 0) Grow();
            int index = free[--freeCount];
            live++;
            SecretHandle handle = new(index, ++generations[index]);
            slot = Slot(handle);
            return handle;
        }
    }

    /// <summary>The bytes in place, valid until the handle is released.</summary>
    internal ReadOnlySpan<byte> Read(SecretHandle handle)
    {
        lock (gate) return Slot(handle);
    }

    private void Grow()
    {
        int old = generations.Length;
        if (old >= Capacity) throw new SecretMemoryException($"secret memory: full, {live} secrets are live");
        int grown = old + SecretsPerChunk;
        memory.Grow((nuint)grown * SecretSize);
        Array.Resize(ref generations, grown);
        Array.Resize(ref free, grown);
        for (int index = grown - 1; index >= old; index--) free[freeCount++] = index;
    }

    private Span<byte> Slot(SecretHandle handle)
    {
        if (!Names(handle)) throw new InvalidOperationException($"{handle} is not live: it was released, or never given out");
        return new(memory.Base + (nint)handle.Slot * SecretSize, SecretSize);
    }

    private bool Names(SecretHandle handle) =>
        (uint)handle.Slot < (uint)generations.Length && (handle.Generation & 1) == 1 && generations[handle.Slot] == handle.Generation;
}
