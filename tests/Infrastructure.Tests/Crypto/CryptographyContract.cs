using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Tests.Crypto;

/// <summary>What the cores rely on, whatever stands behind the port: the shipped adapter and the simulator's both pass it.</summary>
public abstract class CryptographyContract
{
    /// <summary>The implementation under test.</summary>
    protected abstract ICryptography Crypto { get; }

    /// <summary>Secrets that are live in it.</summary>
    protected abstract int Live { get; }

    [Fact]
    public void Diffie_Hellman_commutes()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            SecretHandle a = Secret(seed), b = Secret(seed + 1000);
            Assert.True(Crypto.TryAgree(a, Crypto.PublicKeyOf(b), out SecretHandle ab));
            Assert.True(Crypto.TryAgree(b, Crypto.PublicKeyOf(a), out SecretHandle ba));
            Assert.Equal(Fingerprint(ab), Fingerprint(ba));
            Assert.True(Crypto.TryAgree(a, Crypto.PublicKeyOf(a), out SecretHandle aa));
            Assert.NotEqual(Fingerprint(ab), Fingerprint(aa));
        }
    }

    [Fact]
    public void A_public_key_without_contribution_is_refused_and_leaves_no_secret()
    {
        SecretHandle key = Secret(1);
        int before = Live;
        Assert.False(Crypto.TryAgree(key, default, out SecretHandle shared));
        Assert.True(shared.IsNone);
        Assert.Equal(before, Live);
    }

    [Fact]
    public void A_sealed_message_opens_under_the_same_key_counter_and_associated_data_only()
    {
        SecretHandle key = Secret(1), otherKey = Secret(2);
        byte[] plaintext = Bytes(40), ad = Bytes(9), opened = new byte[40];
        byte[] sealed_ = Seal(key, 5, ad, plaintext);
        Assert.True(Crypto.TryOpen(key, 5, ad, sealed_, opened));
        Assert.Equal(plaintext, opened);
        Assert.False(Crypto.TryOpen(otherKey, 5, ad, sealed_, opened));
        Assert.False(Crypto.TryOpen(key, 6, ad, sealed_, opened));
        Assert.False(Crypto.TryOpen(key, 5, Bytes(8), sealed_, opened));
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_refused()
    {
        SecretHandle key = Secret(1);
        byte[] plaintext = Bytes(33), opened = new byte[33];
        byte[] message = Seal(key, 1, default, plaintext);
        for (int bit = 0; bit < message.Length * 8; bit++)
        {
            message[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Crypto.TryOpen(key, 1, default, message, opened), $"bit {bit}");
            Assert.NotEqual(plaintext, opened);
            message[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Assert.True(Crypto.TryOpen(key, 1, default, message, opened));
    }

    [Fact]
    public void An_empty_message_is_authenticated_too()
    {
        SecretHandle key = Secret(1);
        byte[] message = Seal(key, 0, Bytes(3), default);
        Assert.Equal(ICryptography.TagSize, message.Length);
        Assert.True(Crypto.TryOpen(key, 0, Bytes(3), message, default));
        Assert.False(Crypto.TryOpen(key, 0, Bytes(4), message, default));
    }

    [Fact]
    public void What_is_too_short_for_a_tag_is_refused()
    {
        SecretHandle key = Secret(1);
        for (int length = 0; length < ICryptography.TagSize; length++)
        {
            Assert.False(Crypto.TryOpen(key, 0, default, new byte[length], default));
            Assert.False(Crypto.TryOpenLong(key, new byte[ICryptography.LongNonceSize], default, new byte[length], default));
        }
        for (int length = 0; length < ICryptography.TagSize + ICryptography.SecretSize; length++)
            Assert.False(Crypto.TryOpenLong(key, new byte[ICryptography.LongNonceSize], default, new byte[length], default, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(5000)]
    public void A_long_sealed_message_carries_a_secret(int length)
    {
        SecretHandle key = Secret(1), carried = Secret(2);
        byte[] nonce = Bytes(ICryptography.LongNonceSize), ad = Bytes(7), plaintext = Bytes(length), opened = new byte[length];
        byte[] message = new byte[length + ICryptography.SecretSize + ICryptography.TagSize];
        Crypto.SealLong(key, nonce, ad, plaintext, carried, message);
        Assert.True(Crypto.TryOpenLong(key, nonce, ad, message, opened, out SecretHandle found));
        Assert.Equal(plaintext, opened);
        Assert.NotEqual(carried, found);
        Assert.Equal(Fingerprint(carried), Fingerprint(found));

        int before = Live;
        message[^1] ^= 1;
        Assert.False(Crypto.TryOpenLong(key, nonce, ad, message, opened, out found));
        Assert.True(found.IsNone);
        Assert.Equal(before, Live);
    }

    [Fact]
    public void A_long_sealed_message_without_a_secret_opens_only_as_it_was_sealed()
    {
        SecretHandle key = Secret(1);
        byte[] nonce = Bytes(ICryptography.LongNonceSize), plaintext = Bytes(50), opened = new byte[50];
        byte[] message = new byte[50 + ICryptography.TagSize];
        Crypto.SealLong(key, nonce, default, plaintext, SecretHandle.None, message);
        Assert.True(Crypto.TryOpenLong(key, nonce, default, message, opened));
        Assert.Equal(plaintext, opened);
        nonce[0] ^= 1;
        Assert.False(Crypto.TryOpenLong(key, nonce, default, message, opened));
        nonce[0] ^= 1;
        Assert.False(Crypto.TryOpenLong(key, nonce, Bytes(1), message, opened));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void A_MAC_holds_for_its_key_and_data_only(int size)
    {
        SecretHandle key = Secret(1);
        byte[] data = Bytes(100), mac = new byte[size];
        Crypto.Mac(key, data, mac);
        Assert.True(Crypto.VerifyMac(key, data, mac));
        Assert.False(Crypto.VerifyMac(Secret(2), data, mac));
        Assert.False(Crypto.VerifyMac(key, data.AsSpan(1), mac));
        for (int bit = 0; bit < size * 8; bit++)
        {
            mac[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Crypto.VerifyMac(key, data, mac), $"bit {bit}");
            mac[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(31)]
    [InlineData(64)]
    public void A_MAC_of_another_size_is_refused(int size) => Assert.False(Crypto.VerifyMac(Secret(1), Bytes(10), new byte[size]));

    [Fact]
    public void A_short_MAC_is_not_the_beginning_of_a_long_one()
    {
        byte[] small = new byte[16], large = new byte[32];
        Crypto.Mac(Secret(1), Bytes(10), small);
        Crypto.Mac(Secret(1), Bytes(10), large);
        Assert.NotEqual(small, large[..16]);
    }

    [Fact]
    public void Derived_secrets_depend_on_every_input()
    {
        SecretHandle salt = Secret(1), material = Secret(2);
        var outputs = new SecretHandle[3];
        HashSet<Hash256> seen = [];
        void Take(SecretHandle s, SecretHandle m, byte[] info)
        {
            Crypto.Hkdf(s, m, info, outputs);
            foreach (SecretHandle output in outputs) Assert.True(seen.Add(Fingerprint(output)));
        }
        Take(salt, material, []);
        Take(Secret(3), material, []);
        Take(salt, Secret(3), []);
        Take(salt, material, [1]);
        Take(SecretHandle.None, material, []);
        Assert.True(seen.Add(Fingerprint(Crypto.Expand(salt, Bytes(2)))));
        Assert.True(seen.Add(Fingerprint(Crypto.Expand(salt, Bytes(3)))));
        Assert.True(seen.Add(Fingerprint(Crypto.Expand(material, Bytes(2)))));
    }

    [Fact]
    public void Fewer_outputs_are_the_beginning_of_more()
    {
        var three = new SecretHandle[3];
        var one = new SecretHandle[1];
        Crypto.Hkdf(Secret(1), Bytes(32), default, three);
        Crypto.Hkdf(Secret(1), Bytes(32), default, one);
        Assert.Equal(Fingerprint(three[0]), Fingerprint(one[0]));
        byte[] shortOutput = new byte[20], longOutput = new byte[100];
        Crypto.ExpandPublic(Secret(1), Bytes(4), shortOutput);
        Crypto.ExpandPublic(Secret(1), Bytes(4), longOutput);
        Assert.Equal(shortOutput, longOutput[..20]);
    }

    [Fact]
    public void Public_and_secret_key_material_of_the_same_bytes_give_the_same()
    {
        var first = new SecretHandle[2];
        var second = new SecretHandle[2];
        Crypto.Hkdf(Secret(1), Crypto.Import(Bytes(32)), Bytes(1), first);
        Crypto.Hkdf(Secret(1), Bytes(32), Bytes(1), second);
        Assert.Equal(first.Select(Fingerprint), second.Select(Fingerprint));
    }

    [Fact]
    public void A_hash_with_a_secret_is_the_hash_of_the_bytes_put_together()
    {
        byte[] data = Bytes(10), secret = Bytes(32);
        Assert.Equal(Crypto.Sha256([.. data, .. secret]), Crypto.Sha256(data, Crypto.Import(secret)));
        Assert.NotEqual(Crypto.Sha256(data), Crypto.Sha256(secret));
    }

    [Fact]
    public void Every_operation_is_a_function_of_its_arguments()
    {
        byte[] first = Seal(Secret(1), 9, Bytes(2), Bytes(30)), second = Seal(Secret(1), 9, Bytes(2), Bytes(30));
        Assert.Equal(first, second);
        Assert.Equal(Crypto.PublicKeyOf(Secret(4)), Crypto.PublicKeyOf(Secret(4)));
        Assert.Equal(Crypto.Sha256(Bytes(3)), Crypto.Sha256(Bytes(3)));
    }

    [Fact]
    public void A_stale_handle_throws_everywhere()
    {
        SecretHandle stale = Secret(1), good = Secret(2);
        PublicKey publicKey = Crypto.PublicKeyOf(good);
        Crypto.Release(stale);
        int before = Live;
        byte[] nonce = new byte[ICryptography.LongNonceSize], tag = new byte[16], secretAndTag = new byte[48];
        var outputs = new SecretHandle[1];
        Assert.Throws<InvalidOperationException>(() => Crypto.Release(stale));
        Assert.Throws<InvalidOperationException>(() => Crypto.PublicKeyOf(stale));
        Assert.Throws<InvalidOperationException>(() => Crypto.TryAgree(stale, publicKey, out _));
        Assert.Throws<InvalidOperationException>(() => Crypto.Hkdf(stale, good, default, outputs));
        Assert.Throws<InvalidOperationException>(() => Crypto.Hkdf(good, stale, default, outputs));
        Assert.Throws<InvalidOperationException>(() => Crypto.Expand(stale, default));
        Assert.Throws<InvalidOperationException>(() => Crypto.ExpandPublic(stale, default, tag));
        Assert.Throws<InvalidOperationException>(() => Crypto.Sha256(default, stale));
        Assert.Throws<InvalidOperationException>(() => Crypto.Mac(stale, default, tag));
        Assert.Throws<InvalidOperationException>(() => Crypto.VerifyMac(stale, default, tag));
        Assert.Throws<InvalidOperationException>(() => Crypto.Seal(stale, 0, default, default, tag));
        Assert.Throws<InvalidOperationException>(() => Crypto.TryOpen(stale, 0, default, tag, default));
        Assert.Throws<InvalidOperationException>(() => Crypto.SealLong(stale, nonce, default, default, SecretHandle.None, tag));
        Assert.Throws<InvalidOperationException>(() => Crypto.SealLong(good, nonce, default, default, stale, secretAndTag));
        Assert.Throws<InvalidOperationException>(() => Crypto.TryOpenLong(stale, nonce, default, tag, default));
        Assert.Throws<InvalidOperationException>(() => Crypto.TryOpenLong(stale, nonce, default, secretAndTag, default, out _));
        Assert.Throws<InvalidOperationException>(() => Crypto.PublicKeyOf(SecretHandle.None));
        Assert.Equal(before, Live);
    }

    [Fact]
    public void Every_handle_that_is_given_out_counts_until_it_is_released()
    {
        int before = Live;
        var outputs = new SecretHandle[3];
        SecretHandle a = Secret(1), b = Secret(2);
        Crypto.Hkdf(a, b, default, outputs);
        SecretHandle expanded = Crypto.Expand(a, default);
        Assert.True(Crypto.TryAgree(a, Crypto.PublicKeyOf(b), out SecretHandle shared));
        Assert.Equal(before + 7, Live);
        foreach (SecretHandle handle in (SecretHandle[])[a, b, .. outputs, expanded, shared]) Crypto.Release(handle);
        Crypto.Release(SecretHandle.None);
        Assert.Equal(before, Live);
    }

    /// <summary>A secret made from a number; the same number gives the same bytes.</summary>
    protected SecretHandle Secret(int seed)
    {
        Span<byte> bytes = stackalloc byte[ICryptography.SecretSize];
        new Random(seed).NextBytes(bytes);
        return Crypto.Import(bytes);
    }

    private Hash256 Fingerprint(SecretHandle secret) => Crypto.Sha256(default, secret);

    private byte[] Seal(SecretHandle key, ulong counter, ReadOnlySpan<byte> ad, ReadOnlySpan<byte> plaintext)
    {
        byte[] message = new byte[plaintext.Length + ICryptography.TagSize];
        Crypto.Seal(key, counter, ad, plaintext, message);
        return message;
    }

    private static byte[] Bytes(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7 + length))];
}
