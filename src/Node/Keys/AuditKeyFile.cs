using System.Security.Cryptography;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Node.Keys;

/// <summary>A node's audit key on disk: Ed25519, `audit.key` in the audit directory, mode 0600, made at the first start, never overwritten (REQ-AUDIT-3).</summary>
public static class AuditKeyFile
{
    public const string Name = "audit.key";

    /// <summary>Reads the key; makes it, and the directory, where there is none yet. Gives what is wrong, or null.</summary>
    public static string? TryLoadOrCreate(string directory, out AuditSigner? signer)
    {
        signer = null;
        string path = Path.Combine(directory, Name);
        Span<byte> key = stackalloc byte[KeyFile.KeySize];
        try
        {
            if (!Directory.Exists(directory))
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (!Path.Exists(path))
            {
                RandomNumberGenerator.Fill(key);
                if (KeyFile.TryCreate(path, key) is { } cannot) return cannot;
            }
            return TryLoad(directory, out signer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return FileProblem.Of(path, e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Reads the key. Gives what is wrong, or null.</summary>
    public static string? TryLoad(string directory, out AuditSigner? signer)
    {
        signer = null;
        string path = Path.Combine(directory, Name);
        if (!Path.Exists(path)) return $"{path}: no such file; a node makes its audit key at its first start";
        Span<byte> key = stackalloc byte[KeyFile.KeySize];
        try
        {
            if (KeyFile.TryRead(path, key) is { } problem) return problem;
            signer = new(key);
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
