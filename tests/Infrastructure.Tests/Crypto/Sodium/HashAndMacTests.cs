using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Tests.Crypto.Sodium;

public sealed class HashAndMacTests
{
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_examples_of_FIPS_180_hold_however_the_data_is_split(string text, string expected)
    {
        byte[] data = System.Text.Encoding.ASCII.GetBytes(text), hash = new byte[32];
        for (int split = 0; split <= data.Length; split++)
        {
            Sha256.Hash(data.AsSpan(0, split), data.AsSpan(split), hash);
            Assert.Equal(expected, Convert.ToHexStringLower(hash));
        }
    }

    [Theory]
    [MemberData(nameof(Rfc4231))]
    public void The_vectors_of_RFC_4231_hold(byte[] key, byte[] data, string expected)
    {
        byte[] mac = new byte[32];
        HmacSha256.Mac(key, data, mac);
        Assert.Equal(expected, Convert.ToHexStringLower(mac));
    }

    public static TheoryData<byte[], byte[], string> Rfc4231 => new()
    {
        { Repeat(0x0b, 20), "Hi There"u8.ToArray(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { "Jefe"u8.ToArray(), "what do ya want for nothing?"u8.ToArray(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { Repeat(0xaa, 20), Repeat(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        { Range(0x01, 0x19), Repeat(0xcd, 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
        {
            Repeat(0xaa, 131), "Test Using Larger Than Block-Size Key - Hash Key First"u8.ToArray(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        },
        {
            Repeat(0xaa, 131),
            ("This is a test using a larger than block-size key and a larger than block-size data. "u8.ToArray()
                .Concat("The key needs to be hashed before being used by the HMAC algorithm."u8.ToArray())).ToArray(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        },
    };

    [Theory]
    [MemberData(nameof(Rfc5869))]
    public void The_vectors_of_RFC_5869_hold(byte[] material, byte[] salt, byte[] info, string pseudorandomKey, string expected)
    {
        byte[] prk = new byte[32], output = new byte[expected.Length / 2];
        HkdfSha256.Extract(salt, material, prk);
        HkdfSha256.Expand(prk, info, output);
        Assert.Equal(pseudorandomKey, Convert.ToHexStringLower(prk));
        Assert.Equal(expected, Convert.ToHexStringLower(output));
    }

    public static TheoryData<byte[], byte[], byte[], string, string> Rfc5869 => new()
    {
        {
            Repeat(0x0b, 22), Range(0x00, 0x0c), Range(0xf0, 0xf9), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        },
        {
            Range(0x00, 0x4f), Range(0x60, 0xaf), Range(0xb0, 0xff), "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            + "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        },
        {
            Repeat(0x0b, 22), [], [], "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        },
    };

    [Fact]
    public void HKDF_gives_255_blocks_and_not_a_byte_more()
    {
        HkdfSha256.Expand(new byte[32], default, new byte[HkdfSha256.MaxOutputSize]);
        Assert.Throws<ArgumentException>(() => HkdfSha256.Expand(new byte[32], default, new byte[HkdfSha256.MaxOutputSize + 1]));
    }

    [Fact]
    public void BLAKE2b_of_abc_is_that_of_RFC_7693_appendix_A()
    {
        byte[] hash = new byte[64];
        Blake2b.Hash("abc"u8, hash);
        Assert.Equal(
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
            Convert.ToHexStringLower(hash));
    }

    [Fact]
    public void BLAKE2b_passes_the_self_test_of_RFC_7693_appendix_E_keyed_and_unkeyed()
    {
        using MemoryStream all = new();
        foreach (int outputLength in (int[])[20, 32, 48, 64])
        {
            foreach (int inputLength in (int[])[0, 3, 128, 129, 255, 1024])
            {
                byte[] input = Sequence(inputLength), key = Sequence(outputLength), hash = new byte[outputLength];
                Blake2b.Hash(input, hash);
                all.Write(hash);
                Blake2b.Mac(key, input, hash);
                all.Write(hash);
            }
        }
        byte[] digest = new byte[32];
        Blake2b.Hash(all.ToArray(), digest);
        Assert.Equal("c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475", Convert.ToHexStringLower(digest));
    }

    [Fact]
    public void BLAKE2b_refuses_sizes_that_are_no_security()
    {
        Assert.Throws<ArgumentException>(() => Blake2b.Hash(default, new byte[15]));
        Assert.Throws<ArgumentException>(() => Blake2b.Hash(default, new byte[65]));
        Assert.Throws<ArgumentException>(() => Blake2b.Mac(new byte[15], default, new byte[32]));
        Assert.False(Blake2b.Verify(new byte[32], default, default));
        Assert.False(Blake2b.Verify(new byte[32], default, new byte[65]));
    }

    // The generator of RFC 7693, appendix E; the length is also the seed.
    private static byte[] Sequence(int length)
    {
        byte[] output = new byte[length];
        uint a = unchecked(0xDEAD4BADu * (uint)length), b = 1;
        for (int i = 0; i < length; i++)
        {
            uint t = unchecked(a + b);
            (a, b) = (b, t);
            output[i] = (byte)(t >> 24);
        }
        return output;
    }

    private static byte[] Repeat(byte value, int count) => [.. Enumerable.Repeat(value, count)];

    private static byte[] Range(int first, int last) => [.. Enumerable.Range(first, last - first + 1).Select(i => (byte)i)];
}
