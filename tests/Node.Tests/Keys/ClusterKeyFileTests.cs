using JumpingVpn.Domain.Ports;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;
using JumpingVpn.Node.Tests.Configuration;

namespace JumpingVpn.Node.Tests.Keys;

public sealed class ClusterKeyFileTests : IDisposable
{
    private readonly Example example = new();
    private readonly SecretArena arena = new(512);

    public void Dispose()
    {
        arena.Dispose();
        example.Dispose();
    }

    [Fact]
    public void A_first_start_makes_the_key_and_the_next_one_reads_it()
    {
        Assert.Null(Load(out var made));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(example.Directory["cluster.key"]));
        string content = File.ReadAllText(example.Directory["cluster.key"]);
        Assert.Null(Load(out var read));
        Assert.Equal((1, 1), (made.Count, read.Count));
        Assert.Equal(content, File.ReadAllText(example.Directory["cluster.key"]));
    }

    [Fact]
    public void A_key_lost_beside_a_store_is_not_made_anew()
    {
        example.Directory.Write("events.db", "sessions");
        Assert.Contains("restore it, or move the store away", Load(out _), StringComparison.Ordinal);
        Assert.False(File.Exists(example.Directory["cluster.key"]));
    }

    [Fact]
    public void Several_keys_keep_their_order_and_comments_are_skipped()
    {
        string a = Convert.ToBase64String(Enumerable.Repeat((byte)1, 32).ToArray()), b = Convert.ToBase64String(Enumerable.Repeat((byte)2, 32).ToArray());
        Write($"# new\n{a}\n\n{b}\n");
        Assert.Null(Load(out var keys));
        Span<byte> bytes = stackalloc byte[32];
        arena.CopyTo(keys[1], bytes);
        Assert.Equal(2, bytes[0]);
    }

    [Theory]
    [InlineData("", "is empty; a key is expected")]
    [InlineData("hello\n", ":1: not a key; one line of 44 characters of base64 is expected, as keygen writes it")]
    public void What_is_no_key_is_refused_and_left_alone(string content, string expected)
    {
        Write(content);
        Assert.EndsWith(expected, Load(out _), StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(example.Directory["cluster.key"]));
    }

    [Fact]
    public void Low_order_points_are_those_that_agree_with_nobody()
    {
        Span<byte> scalar = stackalloc byte[32], point = stackalloc byte[32], shared = stackalloc byte[32];
        KeyPairs.Generate(scalar);
        foreach (string hex in new[]
        {
            "0000000000000000000000000000000000000000000000000000000000000080", "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        })
        {
            Convert.FromHexString(hex).CopyTo(point);
            Assert.False(Infrastructure.Crypto.Sodium.X25519.TryAgree(scalar, point, shared), hex);
            Assert.True(KeyPairs.IsLowOrder(Domain.Primitives.PublicKey.Read(point)), hex);
        }
        Assert.False(KeyPairs.IsLowOrder(KeyPairs.PublicKeyOf(scalar)));
    }

    private void Write(string content)
    {
        string path = example.Directory.Write("cluster.key", content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private string? Load(out IReadOnlyList<SecretHandle> keys)
    {
        ConfigurationFile.TryParse(example.Directory["node.yaml"], example.Gateway, out NodeConfiguration? configuration, out _);
        return ClusterKeyFile.TryLoad((GatewayConfiguration)configuration!, new SodiumCryptography(arena), out keys);
    }
}
