using System.Globalization;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>The symbolic names of the generic Linux error numbers (asm-generic/errno-base.h and errno.h).</summary>
public static class ErrnoName
{
    private static readonly string[] Names = Build();

    /// <summary>"ENOENT" for 2; "errno 4095" for a number without a name here.</summary>
    public static string Of(int errno) =>
        errno > 0 && errno < Names.Length && Names[errno] is { } name ? name : "errno " + errno.ToString(CultureInfo.InvariantCulture);

    private static string[] Build()
    {
        var names = new string[134];
        Fill(1, "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV "
            + "ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK "
            + "ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP");
        Fill(61, "ENODATA ETIME");
        Fill(71, "EPROTO");
        Fill(74, "EBADMSG EOVERFLOW");
        Fill(84, "EILSEQ");
        Fill(87, "EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT "
            + "EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN "
            + "ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE");
        Fill(122, "EDQUOT");
        Fill(125, "ECANCELED");
        return names;

        void Fill(int first, string words) => words.Split(' ').CopyTo(names, first);
    }
}
