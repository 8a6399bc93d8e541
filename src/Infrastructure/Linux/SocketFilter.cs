namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// A classic BPF program on a socket (socket(7), SO_ATTACH_FILTER): decides of each datagram, before it is queued, whether it is. Needs no
/// privilege. An instruction is struct sock_filter as one number (linux/filter.h): code, two jump distances, operand, lowest bits first.
/// </summary>
public static unsafe class SocketFilter
{
    /// <summary>Instructions of one program (BPF_MAXINSNS).</summary>
    public const int MaxLength = 4096;

    /// <summary>SK_MEMINFO_DROPS of <see cref="Libc.SO_MEMINFO"/>, and how many numbers that option has.</summary>
    private const int DropsIndex = 8, MemoryNumbers = 9;

    /// <summary>Puts a program in the place of the one that is there; the change is atomic. False if the kernel refuses it, for instance because it is too long for net.core.optmem_max.</summary>
    public static bool TryAttach(int descriptor, ReadOnlySpan<ulong> program)
    {
        fixed (ulong* instructions = program)
        {
            Libc.SockFprog argument;
            argument.Length = (ushort)program.Length;
            argument.Filter = instructions;
            return Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_ATTACH_FILTER, &argument, (uint)sizeof(Libc.SockFprog)) == 0;
        }
    }

    /// <summary>Takes the program away; nothing happens if there is none.</summary>
    public static void Detach(int descriptor)
    {
        int ignored = 0;
        _ = Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_DETACH_FILTER, &ignored, sizeof(int));
    }

    /// <summary>Datagrams that the kernel has not queued, for a full queue or by a program; wraps around. Null if the kernel does not say.</summary>
    public static uint? Drops(int descriptor)
    {
        uint* numbers = stackalloc uint[MemoryNumbers];
        uint length = MemoryNumbers * sizeof(uint);
        bool isRead = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_MEMINFO, numbers, &length) == 0 && length == MemoryNumbers * sizeof(uint);
        return isRead ? numbers[DropsIndex] : null;
    }
}
