namespace JumpingVpn.Infrastructure.Linux;

/// <summary>How many files, sockets and devices the process may have open.</summary>
public static unsafe class FileDescriptors
{
    /// <summary>RLIMIT_NOFILE, the soft one, which the runtime has raised to the hard one at its start; <see cref="long.MaxValue"/> if there is none.</summary>
    /// <exception cref="LinuxException">The kernel does not say.</exception>
    public static long Limit
    {
        get
        {
            Libc.ResourceLimit limit;
            if (Libc.getrlimit(Libc.RLIMIT_NOFILE, &limit) != 0) throw LinuxException.Last("getrlimit");
            return limit.Soft > long.MaxValue ? long.MaxValue : (long)limit.Soft;
        }
    }
}
