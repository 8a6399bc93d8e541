using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// The kernel refused something. The message is one line that can be shown as it is: "what: strerror (NAME)", followed by the
/// remedy where one is known.
/// </summary>
public sealed class LinuxException : Exception
{
    /// <param name="what">What was tried, and on what: "bind 192.0.2.1:51830".</param>
    /// <param name="errno">The kernel's error number.</param>
    /// <param name="remedy">What the reader can do about it, as the rest of the line.</param>
    public LinuxException(string what, int errno, string? remedy = null)
        : base($"{what}: {Marshal.GetPInvokeErrorMessage(errno)} ({ErrnoName.Of(errno)})" + (remedy is null ? "" : "; " + remedy)) =>
        Errno = errno;

    private LinuxException(string message)
        : base(message)
    {
    }

    /// <summary>The kernel's error number; 0 where a check of this program refused.</summary>
    public int Errno { get; }

    /// <summary>A refusal that comes from a check of this program and not from the kernel.</summary>
    public static LinuxException Refused(string message) => new(message);

    /// <summary>The failure of the libc call that this thread made last.</summary>
    internal static LinuxException Last(string what, string? remedy = null) => new(what, Libc.errno, remedy);

    /// <summary>As <see cref="Last"/>, and for a missing right it names the capability and how to get it.</summary>
    internal static LinuxException LastNeeding(string what, string capability) => For(what, Libc.errno, capability);

    /// <summary>The error <paramref name="errno"/>, with the remedy for a missing capability where it is one.</summary>
    internal static LinuxException For(string what, int errno, string capability) =>
        new(what, errno, errno is Libc.EPERM or Libc.EACCES ? Privilege.Remedy(capability) : null);
}
