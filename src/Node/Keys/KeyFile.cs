using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using JumpingVpn.Infrastructure.Linux;
using Microsoft.Win32.SafeHandles;

namespace JumpingVpn.Node.Keys;

/// <summary>
/// Files that hold 32-byte keys in base64, one a line. The bytes pass only through buffers that are zeroed again; problems
/// name the file and never its content (REQ-KEYS-1).
/// </summary>
public static class KeyFile
{
    /// <summary>Size of a key, in bytes.</summary>
    public const int KeySize = 32;

    /// <summary>Size of a key in base64, in characters.</summary>
    public const int TextSize = 44;

    /// <summary>Longest file that is read, in bytes.</summary>
    private const int MaxFile = 4096;

    /// <summary>EEXIST (errno.h).</summary>
    private const int AlreadyExists = 17;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Reads the key on the first line. Gives what is wrong, or null.</summary>
    public static string? TryRead(string path, Span<byte> key)
    {
        int count = 0;
        return TryReadLines(path, key, 1, ref count, onlyFirst: true);
    }

    /// <summary>
    /// Reads one key a line (empty lines and lines that begin with # are skipped) into <paramref name="keys"/>, which has room
    /// for <paramref name="max"/> of them. Gives what is wrong, or null.
    /// </summary>
    public static string? TryReadAll(string path, Span<byte> keys, int max, out int count)
    {
        count = 0;
        return TryReadLines(path, keys, max, ref count, onlyFirst: false);
    }

    /// <summary>
    /// Writes a new file of mode 0600 with one key and makes it durable. An existing file is never touched. Gives what is
    /// wrong, or null.
    /// </summary>
    public static string? TryCreate(string path, ReadOnlySpan<byte> key)
    {
        Span<byte> line = stackalloc byte[TextSize + 1];
        try
        {
            Base64.EncodeToUtf8(key, line, out _, out _);
            line[TextSize] = (byte)'\n';
            SecureFile.Create(path, line);
            return null;
        }
        catch (LinuxException e)
        {
            return e.Errno == AlreadyExists ? $"{path}: exists already, and no key is ever overwritten" : e.Message;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(line);
        }
    }

    /// <summary>Decodes a key in base64; false for anything but 44 characters of it, blanks around them aside.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> key)
    {
        text = text.Trim(" \t\r\n"u8);
        return text.Length == TextSize
            && Base64.DecodeFromUtf8(text, key, out int consumed, out int written) == OperationStatus.Done
            && consumed == TextSize && written == KeySize;
    }

    private static string? TryReadLines(string path, Span<byte> keys, int max, ref int count, bool onlyFirst)
    {
        Span<byte> content = stackalloc byte[MaxFile + 1];
        try
        {
            int length = ReadChecked(path, content, out string? problem);
            if (problem is not null) return problem;
            if (length > MaxFile) return $"{path}: too long for a file of keys";
            ReadOnlySpan<byte> rest = content[..length];
            for (int line = 1; !rest.IsEmpty; line++)
            {
                int end = rest.IndexOf((byte)'\n');
                ReadOnlySpan<byte> text = (end < 0 ? rest : rest[..end]).Trim(" \t\r"u8);
                rest = end < 0 ? default : rest[(end + 1)..];
                if (!onlyFirst && (text.IsEmpty || text[0] == (byte)'#')) continue;
                if (count == max) return $"{path}: more than {max.ToString(CultureInfo.InvariantCulture)} keys";
                if (!TryDecode(text, keys[(count * KeySize)..]))
                    return $"{path}:{line.ToString(CultureInfo.InvariantCulture)}: not a key; one line of 44 characters of base64 is expected, as keygen writes it";
                count++;
                if (onlyFirst) return null;
            }
            return count == 0 ? $"{path}: is empty; a key is expected" : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>Reads a file that nobody but its owner may read or change, as far as there is room; otherwise says what is wrong with it.</summary>
    internal static int ReadChecked(string path, Span<byte> content, out string? problem)
    {
        problem = null;
        try
        {
            if (Directory.Exists(path))
            {
                problem = $"{path}: is a directory";
                return 0;
            }
            using SafeFileHandle file = File.OpenHandle(path);
            UnixFileMode mode = File.GetUnixFileMode(file);
            if ((mode & Others) != 0)
            {
                problem = $"{path}: other users can read or change this key (mode {Convert.ToString((int)mode & 0x1ff, 8).PadLeft(4, '0')}); mend it with: chmod 600 {path}";
                return 0;
            }
            int length = 0, read;
            do length += read = RandomAccess.Read(file, content[length..], length);
            while (read > 0 && length < content.Length);
            return length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problem = FileProblem.Of(path, e);
            return 0;
        }
    }
}
