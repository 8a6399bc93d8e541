using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>What lies at a path where a Unix socket is wanted.</summary>
public enum UnixSocketFileKind
{
    /// <summary>Nothing.</summary>
    Missing,

    /// <summary>A socket, whether somebody listens on it or not.</summary>
    Socket,

    /// <summary>Something else, which is none of ours.</summary>
    Other,
}

/// <summary>What .NET's sockets leave out about Unix sockets: the kind of a file, its group, and who is at the other end.</summary>
public static unsafe class UnixSocketFile
{
    private const uint Unchanged = uint.MaxValue;
    private const int SOL_SOCKET = 1;
    private const int SO_PEERCRED = 17;

    /// <summary>Links are not followed.</summary>
    /// <exception cref="LinuxException">The kernel does not say.</exception>
    public static UnixSocketFileKind KindOf(string path)
    {
        Libc.StatX status;
        if (Libc.statx(Libc.AT_FDCWD, path, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, &status) != 0)
            return Libc.errno == Libc.ENOENT ? UnixSocketFileKind.Missing : throw LinuxException.Last($"stat {path}");
        return (status.Mode & Libc.S_IFMT) == Libc.S_IFSOCK ? UnixSocketFileKind.Socket : UnixSocketFileKind.Other;
    }

    /// <summary>Gives the file to a group; the owner stays.</summary>
    /// <exception cref="LinuxException">The process is neither root nor in that group.</exception>
    public static void SetGroup(string path, string group)
    {
        if (GroupId(group) is not uint id) throw LinuxException.Refused($"group {group}: no such group in /etc/group");
        if (Libc.lchown(path, Unchanged, id) != 0) throw LinuxException.Last($"give {path} to the group {group}");
    }

    /// <summary>The process that listens on the other end of a connected socket (unix(7), SO_PEERCRED); 0 if the kernel does not say.</summary>
    public static int PeerProcess(Socket connected)
    {
        ArgumentNullException.ThrowIfNull(connected);
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            return connected.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, credentials) == credentials.Length ? BinaryPrimitives.ReadInt32LittleEndian(credentials) : 0;
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    /// <summary>A group's number by group(5); null if there is none of that name.</summary>
    private static uint? GroupId(string name)
    {
        foreach (string line in File.ReadLines("/etc/group"))
        {
            string[] fields = line.Split(':');
            if (fields.Length >= 3 && fields[0] == name && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint id)) return id;
        }
        return null;
    }
}
