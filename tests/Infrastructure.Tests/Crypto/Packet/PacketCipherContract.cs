using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Packet;
using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Tests.Crypto.Packet;

/// <summary>One contract for every packet cipher that this host has.</summary>
public sealed unsafe class PacketCipherContract
{
    private static readonly byte[] Nonce = [.. Enumerable.Range(1, PacketCipherSizes.Nonce).Select(i => (byte)i)];

    /// <summary>Suite and backend.</summary>
    public static TheoryData<CipherSuite, string> All
    {
        get
        {
            TheoryData<CipherSuite, string> all = [];
            foreach (string name in PacketCipherSelector.Backends)
                PacketCipherSelector.Select(name).IfRight(selector =>
                {
                    foreach (CipherSuite suite in Enum.GetValues<CipherSuite>())
                        if (selector.BackendName(suite) == name) all.Add(suite, name);
                });
            return all;
        }
    }

    [Fact]
    public void Every_backend_that_needs_no_optional_library_is_tested_here()
    {
        string[] names = [.. All.Select(row => $"{row[0]} {row[1]}")];
        Assert.Contains("Aes256Gcm openssl", names);
        Assert.Contains("Aes256Gcm bcl", names);
        Assert.Contains("ChaCha20Poly1305 openssl", names);
        Assert.Contains("ChaCha20Poly1305 sodium", names);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_vectors_of_the_GCM_paper_without_associated_data_hold(CipherSuite suite, string backend)
    {
        if (suite != CipherSuite.Aes256Gcm) return;
        // McGrew and Viega, appendix B, test cases 13, 14 and 15.
        (string Key, string Nonce, string Plaintext, string Ciphertext)[] vectors =
        [
            (new('0', 64), new('0', 24), "", "530f8afbc74536b9a963b4f1c4cb738b"),
            (new('0', 64), new('0', 24), new('0', 32), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
            ("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
                + "b094dac5d93471bdec1a502270e3cc6c"),
        ];
        foreach ((string key, string nonce, string plaintext, string ciphertext) in vectors)
        {
            using PacketKey seal = Key(backend, suite, PacketDirection.Seal, Convert.FromHexString(key));
            byte[] message = new byte[ciphertext.Length / 2];
            seal.Seal(Convert.FromHexString(nonce), Convert.FromHexString(plaintext), message);
            Assert.Equal(ciphertext, Convert.ToHexStringLower(message));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Every_length_to_2000_gives_what_the_reference_gives_and_opens_in_place(CipherSuite suite, string backend)
    {
        byte[] key = Bytes(99, PacketCipherSizes.Key);
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, key), open = Key(backend, suite, PacketDirection.Open, key);
        byte[] plaintext = Bytes(7, 2000);
        byte[] message = new byte[2000 + PacketCipherSizes.Tag], expected = new byte[2000 + PacketCipherSizes.Tag];
        for (int length = 0; length <= 2000; length++)
        {
            Nonce.CopyTo(message, 0);
            byte[] nonce = [.. Nonce[..8], .. BitConverter.GetBytes(length)];
            Reference(suite, key, nonce, plaintext.AsSpan(0, length), expected.AsSpan(0, length + PacketCipherSizes.Tag));

            Span<byte> whole = message.AsSpan(0, length + PacketCipherSizes.Tag);
            seal.Seal(nonce, plaintext.AsSpan(0, length), whole);
            Assert.True(whole.SequenceEqual(expected.AsSpan(0, whole.Length)), $"sealing {length} bytes");

            plaintext.AsSpan(0, length).CopyTo(whole);
            seal.Seal(nonce, whole[..length], whole);
            Assert.True(whole.SequenceEqual(expected.AsSpan(0, whole.Length)), $"sealing {length} bytes in place");

            Assert.True(open.TryOpen(nonce, whole, whole[..length]), $"opening {length} bytes in place");
            Assert.True(whole[..length].SequenceEqual(plaintext.AsSpan(0, length)), $"opening {length} bytes in place");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Big_packets_and_odd_addresses_work(CipherSuite suite, string backend)
    {
        byte[] key = Bytes(5, PacketCipherSizes.Key);
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, key), open = Key(backend, suite, PacketDirection.Open, key);
        foreach (int length in (int[])[4096, 8952, 16_384, 65_519])
        {
            for (int offset = 0; offset < 4; offset++)
            {
                byte[] plaintext = Bytes(length, length), expected = new byte[length + PacketCipherSizes.Tag];
                byte[] buffer = new byte[offset + length + PacketCipherSizes.Tag];
                Reference(suite, key, Nonce, plaintext, expected);
                Span<byte> message = buffer.AsSpan(offset);
                plaintext.CopyTo(message);
                seal.Seal(Nonce, message[..length], message);
                Assert.True(message.SequenceEqual(expected), $"length {length}, offset {offset}");
                Assert.True(open.TryOpen(Nonce, message, message[..length]));
                Assert.True(message[..length].SequenceEqual(plaintext));
            }
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_flipped_bit_anywhere_is_refused_and_no_plaintext_is_left(CipherSuite suite, string backend)
    {
        byte[] key = Bytes(3, PacketCipherSizes.Key);
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, key), open = Key(backend, suite, PacketDirection.Open, key);
        foreach (int length in (int[])[0, 1, 40, 300])
        {
            byte[] message = new byte[length + PacketCipherSizes.Tag], opened = new byte[length];
            byte[] plaintext = Bytes(length, length);
            seal.Seal(Nonce, plaintext, message);
            for (int bit = 0; bit < message.Length * 8; bit++)
            {
                message[bit / 8] ^= (byte)(1 << (bit % 8));
                opened.AsSpan().Fill(0xaa);
                Assert.False(open.TryOpen(Nonce, message, opened), $"bit {bit} of {length} bytes");
                Assert.All(opened, b => Assert.Equal(0, b));
                message[bit / 8] ^= (byte)(1 << (bit % 8));
            }
            byte[] otherNonce = [.. Nonce];
            for (int bit = 0; bit < Nonce.Length * 8; bit++)
            {
                otherNonce[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.False(open.TryOpen(otherNonce, message, opened), $"nonce bit {bit}");
                otherNonce[bit / 8] ^= (byte)(1 << (bit % 8));
            }
            Assert.True(open.TryOpen(Nonce, message, opened));
            Assert.Equal(plaintext, opened);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_cut_or_lengthened_message_is_refused(CipherSuite suite, string backend)
    {
        byte[] key = Bytes(3, PacketCipherSizes.Key);
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, key), open = Key(backend, suite, PacketDirection.Open, key);
        byte[] message = new byte[100 + PacketCipherSizes.Tag];
        seal.Seal(Nonce, Bytes(1, 100), message);
        for (int length = 0; length < message.Length; length++)
            Assert.False(open.TryOpen(Nonce, message.AsSpan(0, length), new byte[Math.Max(0, length - PacketCipherSizes.Tag)]), $"{length} bytes");
        Assert.False(open.TryOpen(Nonce, [.. message, 0], new byte[101]));
        fixed (byte* n = Nonce, m = message)
            for (int length = -1; length < PacketCipherSizes.Tag; length++) Assert.False(open.TryOpen(n, m, length, m));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_forgery_does_not_disturb_the_next_packet(CipherSuite suite, string backend)
    {
        byte[] key = Bytes(3, PacketCipherSizes.Key);
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, key), open = Key(backend, suite, PacketDirection.Open, key);
        byte[] message = new byte[64 + PacketCipherSizes.Tag], forged = new byte[64 + PacketCipherSizes.Tag], opened = new byte[64];
        for (int i = 0; i < 200; i++)
        {
            byte[] nonce = [.. Nonce[..8], .. BitConverter.GetBytes(i)];
            byte[] plaintext = Bytes(i, 64);
            seal.Seal(nonce, plaintext, message);
            Bytes(i, forged.Length).CopyTo(forged, 0);
            Assert.False(open.TryOpen(nonce, forged, opened));
            Assert.True(open.TryOpen(nonce, message, opened));
            Assert.Equal(plaintext, opened);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Another_key_is_refused(CipherSuite suite, string backend)
    {
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, Bytes(1, 32)), open = Key(backend, suite, PacketDirection.Open, Bytes(2, 32));
        byte[] message = new byte[50 + PacketCipherSizes.Tag];
        seal.Seal(Nonce, Bytes(1, 50), message);
        Assert.False(open.TryOpen(Nonce, message, new byte[50]));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Packets_allocate_nothing_forged_ones_included(CipherSuite suite, string backend)
    {
        byte[] key = Bytes(1, 32), message = new byte[1420 + PacketCipherSizes.Tag], forged = new byte[1420 + PacketCipherSizes.Tag], opened = new byte[1420];
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, key), open = Key(backend, suite, PacketDirection.Open, key);
        long least = long.MaxValue;
        bool right = true;
        // A collection that another test causes takes back what is left of this thread's block, and the block counts as allocated: a
        // cipher that allocates shows in every round, that only in some.
        for (int round = 0; round < 8; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                seal.Seal(Nonce, opened, message);
                right &= open.TryOpen(Nonce, message, opened) & !open.TryOpen(Nonce, forged, forged.AsSpan(0, 1420));
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
        Assert.True(right);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_key_does_only_what_it_was_made_for_and_nothing_after_disposal(CipherSuite suite, string backend)
    {
        PacketKey seal = Key(backend, suite, PacketDirection.Seal, Bytes(1, 32)), open = Key(backend, suite, PacketDirection.Open, Bytes(1, 32));
        Assert.Equal(suite, seal.Suite);
        byte[] message = new byte[26];
        Assert.Throws<InvalidOperationException>(() => seal.TryOpen(Nonce, message, message.AsSpan(0, 10)));
        Assert.Throws<InvalidOperationException>(() => open.Seal(Nonce, message.AsSpan(0, 10), message));
        seal.Dispose();
        open.Dispose();
        seal.Dispose();
        Assert.Throws<InvalidOperationException>(() => seal.Seal(Nonce, message.AsSpan(0, 10), message));
        Assert.Throws<InvalidOperationException>(() => open.TryOpen(Nonce, message, message.AsSpan(0, 10)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_wrong_size_is_the_callers_mistake(CipherSuite suite, string backend)
    {
        Assert.Throws<ArgumentException>(() => Key(backend, suite, PacketDirection.Seal, new byte[31]));
        using PacketKey seal = Key(backend, suite, PacketDirection.Seal, Bytes(1, 32));
        Assert.Throws<ArgumentException>(() => seal.Seal(new byte[11], new byte[10], new byte[26]));
        Assert.Throws<ArgumentException>(() => seal.Seal(Nonce, new byte[10], new byte[25]));
    }

    /// <summary>The platform's AES-GCM and libsodium's ChaCha20-Poly1305, which their own tests check against published vectors.</summary>
    private static void Reference(CipherSuite suite, byte[] key, byte[] nonce, ReadOnlySpan<byte> plaintext, Span<byte> message)
    {
        if (suite == CipherSuite.ChaCha20Poly1305)
        {
            ChaCha20Poly1305.Seal(key, nonce, default, plaintext, message);
            return;
        }
        using System.Security.Cryptography.AesGcm gcm = new(key, PacketCipherSizes.Tag);
        gcm.Encrypt(nonce, plaintext, message[..plaintext.Length], message[plaintext.Length..]);
    }

    private static PacketKey Key(string backend, CipherSuite suite, PacketDirection direction, byte[] key) =>
        PacketCipherSelector.Select(backend).Match(Right: s => s, Left: why => throw new InvalidOperationException(why)).CreateKey(suite, direction, key);

    private static byte[] Bytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
