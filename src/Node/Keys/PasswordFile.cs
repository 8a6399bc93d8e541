using System.Security.Cryptography;
using System.Text;

namespace JumpingVpn.Node.Keys;

/// <summary>
/// A file whose first line is a password for a database; only its owner may read it (REQ-KEYS-1). The driver takes passwords as text, so
/// this one cannot be zeroed.
/// </summary>
public static class PasswordFile
{
    /// <summary>Longest password, in bytes; PostgreSQL takes no longer ones over the wire.</summary>
    public const int MaxSize = 1000;

    /// <summary>Reads the password. Gives what is wrong, in a line that does not repeat it, or null.</summary>
    public static string? TryRead(string path, out string password)
    {
        password = "";
        Span<byte> content = stackalloc byte[MaxSize + 2];
        try
        {
            int length = KeyFile.ReadChecked(path, content, out string? problem);
            if (problem is not null) return problem;
            int end = content[..length].IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? content[..length] : content[..end]).TrimEnd((byte)'\r');
            if (line.IsEmpty) return $"{path}: is empty; a password is expected on its first line";
            if (line.Length > MaxSize) return $"{path}: too long for a password";
            if (line.Contains((byte)0) || !System.Text.Unicode.Utf8.IsValid(line)) return $"{path}: not a text in UTF-8";
            password = Encoding.UTF8.GetString(line);
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}
