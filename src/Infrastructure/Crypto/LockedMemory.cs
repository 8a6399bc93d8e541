using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>
/// One reserved address range of which the first part is in use: readable, locked into RAM (never swapped), left out of
/// core dumps and of forked children, with an unreadable page on either side. It grows in place and is zeroed before it
/// is given back. Not thread-safe.
/// </summary>
internal sealed unsafe partial class LockedMemory : IDisposable
{
    private const int ProtNone = 0, ProtRead = 1, ProtWrite = 2;
    private const int MapPrivate = 0x02, MapAnonymous = 0x20, MapNoReserve = 0x4000;
    private const int MadviseDontFork = 10, MadviseDontDump = 16;

    private readonly nuint pageSize = (nuint)Environment.SystemPageSize;
    private readonly nuint reserved;
    private byte* mapping;
    private nuint size;

    /// <summary>Reserves addresses for <paramref name="capacity"/> bytes; none is usable yet.</summary>
    public LockedMemory(nuint capacity)
    {
        reserved = RoundUp(capacity) + 2 * pageSize;
        void* address = mmap(null, reserved, ProtNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if (address == (void*)-1) throw Failure($"cannot reserve {reserved} bytes of address space");
        mapping = (byte*)address;
    }

    /// <summary>Where the usable part begins.</summary>
    public byte* Base => mapping + pageSize;

    /// <summary>Makes the first <paramref name="newSize"/> bytes (rounded up to pages) usable. On failure nothing has changed.</summary>
    /// <exception cref="SecretMemoryException">The kernel will not lock so much.</exception>
    public void Grow(nuint newSize)
    {
        nuint target = RoundUp(newSize);
        if (target <= size) return;
        if (target > reserved - 2 * pageSize) throw new ArgumentOutOfRangeException(nameof(newSize));
        byte* start = Base + size;
        nuint length = target - size;
        if (mprotect(start, length, ProtRead | ProtWrite) != 0) throw Failure($"cannot use {length} bytes");
        // Locked before the first secret is written, so that none can ever have been on a swap device.
        if (mlock(start, length) != 0 || madvise(start, length, MadviseDontDump) != 0 || madvise(start, length, MadviseDontFork) != 0)
        {
            SecretMemoryException failure = Failure(
                $"cannot lock {target} bytes into RAM; raise the limit (LimitMEMLOCK= in the systemd unit, or ulimit -l)");
            _ = munlock(start, length);
            _ = mprotect(start, length, ProtNone);
            throw failure;
        }
        size = target;
    }

    public void Dispose()
    {
        if (mapping == null) return;
        CryptographicOperations.ZeroMemory(new Span<byte>(Base, checked((int)size)));
        _ = munmap(mapping, reserved);
        mapping = null;
        size = 0;
    }

    private nuint RoundUp(nuint length) => (length + pageSize - 1) / pageSize * pageSize;

    private static SecretMemoryException Failure(string what) =>
        new($"secret memory: {what}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [LibraryImport("libc", SetLastError = true)]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(void* address, nuint length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mlock(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munlock(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(void* address, nuint length, int advice);
}
