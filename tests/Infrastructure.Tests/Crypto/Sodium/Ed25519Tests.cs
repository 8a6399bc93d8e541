using System.Numerics;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Tests.Crypto.Sodium;

public sealed class Ed25519Tests
{
    private static readonly byte[] Key = Convert.FromHexString("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");

    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    [InlineData(
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")]
    public void The_vectors_of_RFC_8032_section_7_1_hold(string privateKey, string publicKey, string message, string signature)
    {
        byte[] pk = new byte[Ed25519.PublicKeySize], sig = new byte[Ed25519.SignatureSize];
        Ed25519.PublicKey(Convert.FromHexString(privateKey), pk);
        Ed25519.Sign(Convert.FromHexString(privateKey), Convert.FromHexString(message), sig);
        Assert.Equal(publicKey, Convert.ToHexStringLower(pk));
        Assert.Equal(signature, Convert.ToHexStringLower(sig));
        Assert.True(Ed25519.Verify(pk, Convert.FromHexString(message), sig));
    }

    [Fact]
    public void A_flipped_bit_in_signature_message_or_key_is_refused()
    {
        (byte[] pk, byte[] message, byte[] sig) = Signed();
        foreach (byte[] part in (byte[][])[pk, message, sig])
        {
            for (int bit = 0; bit < part.Length * 8; bit++)
            {
                part[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.False(Ed25519.Verify(pk, message, sig), $"bit {bit}");
                part[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }
        Assert.True(Ed25519.Verify(pk, message, sig));
    }

    [Fact]
    public void A_signature_has_one_form_only()
    {
        (byte[] pk, byte[] message, byte[] sig) = Signed();
        // S + L would verify too if S were not required to be below the group's order L (RFC 8032, 5.1.7).
        BigInteger order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", null);
        BigInteger s = new BigInteger(sig.AsSpan(32), isUnsigned: true) + order;
        byte[] other = [.. sig[..32], .. s.ToByteArray(isUnsigned: true).Concat(new byte[32]).Take(32)];
        Assert.False(Ed25519.Verify(pk, message, other));
    }

    [Fact]
    public void A_public_key_of_low_order_verifies_nothing()
    {
        byte[] identity = new byte[32];
        identity[0] = 1;
        // R = identity and S = 0 would satisfy the equation for every message.
        byte[] sig = [.. identity, .. new byte[32]];
        Assert.False(Ed25519.Verify(identity, "any message"u8, sig));
        Assert.False(Ed25519.Verify(new byte[32], "any message"u8, sig));
    }

    [Fact]
    public void What_is_no_signature_or_no_key_by_its_size_is_refused()
    {
        (byte[] pk, byte[] message, byte[] sig) = Signed();
        Assert.False(Ed25519.Verify(pk, message, sig.AsSpan(0, 63)));
        Assert.False(Ed25519.Verify(pk, message, default));
        Assert.False(Ed25519.Verify(pk.AsSpan(0, 31), message, sig));
    }

    private static (byte[] PublicKey, byte[] Message, byte[] Signature) Signed()
    {
        byte[] pk = new byte[Ed25519.PublicKeySize], sig = new byte[Ed25519.SignatureSize], message = "head of a chain"u8.ToArray();
        Ed25519.PublicKey(Key, pk);
        Ed25519.Sign(Key, message, sig);
        return (pk, message, sig);
    }
}
