using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Infrastructure.Tests.Crypto;

public sealed class SodiumCryptographyTests : CryptographyContract, IDisposable
{
    private readonly SecretArena arena = new(2048);
    private readonly SodiumCryptography crypto;

    public SodiumCryptographyTests() => crypto = new(arena);

    protected override ICryptography Crypto => crypto;

    protected override int Live => arena.Live;

    public void Dispose() => arena.Dispose();

    [Fact]
    public void An_HKDF_that_finds_the_arena_full_leaves_no_output_behind()
    {
        SecretHandle key = Secret(1);
        while (arena.Live < arena.Capacity - 2) crypto.GenerateSecret();
        var outputs = new SecretHandle[3];
        Assert.Throws<SecretMemoryException>(() => crypto.Hkdf(key, key, default, outputs));
        Assert.Equal(arena.Capacity - 2, arena.Live);
        Assert.All(outputs, output => Assert.True(output.IsNone));
    }

    [Fact]
    public void Every_low_order_point_is_refused()
    {
        // The points of small order and their non-canonical encodings (RFC 7748, 6.1; the list that libsodium and others publish).
        string[] points =
        [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        SecretHandle key = Secret(1);
        foreach (string point in points)
        {
            byte[] bytes = Convert.FromHexString(point);
            Assert.False(crypto.TryAgree(key, PublicKey.Read(bytes), out SecretHandle shared), point);
            Assert.True(shared.IsNone);
            bytes[31] |= 0x80; // RFC 7748, section 5: the top bit is ignored.
            Assert.False(crypto.TryAgree(key, PublicKey.Read(bytes), out _), point);
        }
        Assert.Equal(1, arena.Live);
    }
}
