using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>A key pair of the lab, in base64: throw-away keys for throw-away networks.</summary>
public sealed record NodeKeys(string Private, string Public)
{
    public static NodeKeys Create()
    {
        byte[] privateKey = RandomNumberGenerator.GetBytes(X25519.PrivateKeySize);
        byte[] publicKey = new byte[X25519.PublicKeySize];
        X25519.PublicKey(privateKey, publicKey);
        return new NodeKeys(Convert.ToBase64String(privateKey), Convert.ToBase64String(publicKey));
    }

    /// <summary>Writes the private key to a new file that only its owner can read.</summary>
    public void WritePrivate(string path)
    {
        using FileStream file = new(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(Encoding.ASCII.GetBytes(Private + "\n"));
    }
}
