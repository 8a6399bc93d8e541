using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Tests;

/// <summary>A directory of its own for one test, gone afterwards.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("jumping-vpn-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a private key file and gives its public key.</summary>
    public string Key(string name)
    {
        byte[] key = new byte[KeyFile.KeySize];
        KeyPairs.Generate(key);
        Assert.Null(KeyFile.TryCreate(this[name], key));
        return KeyPairs.PublicKeyOf(key).ToString();
    }

    public string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
