using JumpingVpn.Infrastructure.Crypto.Sodium;

namespace JumpingVpn.Infrastructure.Tests.Crypto.Sodium;

public sealed class AeadTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0x80, 32).Select(i => (byte)i)];
    private static readonly byte[] AssociatedData = Convert.FromHexString("50515253c0c1c2c3c4c5c6c7");
    private static readonly byte[] Sunscreen =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."u8.ToArray();

    [Fact]
    public void ChaCha20_Poly1305_seals_as_in_RFC_8439_section_2_8_2()
    {
        byte[] ciphertext = new byte[Sunscreen.Length + ChaCha20Poly1305.TagSize];
        ChaCha20Poly1305.Seal(Key, Convert.FromHexString("070000004041424344454647"), AssociatedData, Sunscreen, ciphertext);
        Assert.Equal(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
            + "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
            + "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
            Convert.ToHexStringLower(ciphertext));
    }

    [Fact]
    public void ChaCha20_Poly1305_opens_the_message_of_RFC_8439_appendix_A_5()
    {
        byte[] ciphertext = Convert.FromHexString(
            "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
            + "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
            + "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
            + "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
            + "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38");
        byte[] plaintext = new byte[ciphertext.Length - ChaCha20Poly1305.TagSize];
        Assert.True(ChaCha20Poly1305.TryOpen(
            Convert.FromHexString("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"), Convert.FromHexString("000000000102030405060708"),
            Convert.FromHexString("f33388860000000000004e91"), ciphertext, plaintext));
        string text = System.Text.Encoding.UTF8.GetString(plaintext);
        Assert.StartsWith("Internet-Drafts are draft documents valid for a maximum of six months", text, StringComparison.Ordinal);
    }

    [Fact]
    public void XChaCha20_Poly1305_seals_as_in_the_draft_appendix_A_3_1()
    {
        byte[] nonce = [.. Enumerable.Range(0x40, 24).Select(i => (byte)i)];
        byte[] ciphertext = new byte[Sunscreen.Length + XChaCha20Poly1305.TagSize], opened = new byte[Sunscreen.Length];
        XChaCha20Poly1305.Seal(Key, nonce, AssociatedData, Sunscreen, ciphertext);
        Assert.Equal(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"
            + "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
            + "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
            Convert.ToHexStringLower(ciphertext));
        Assert.True(XChaCha20Poly1305.TryOpen(Key, nonce, AssociatedData, ciphertext, opened));
        Assert.Equal(Sunscreen, opened);
    }

    [Fact]
    public void A_refused_message_leaves_zeros()
    {
        byte[] ciphertext = new byte[Sunscreen.Length + 16], opened = new byte[Sunscreen.Length];
        ChaCha20Poly1305.Seal(Key, new byte[12], default, Sunscreen, ciphertext);
        ciphertext[^1] ^= 1;
        opened.AsSpan().Fill(0xaa);
        Assert.False(ChaCha20Poly1305.TryOpen(Key, new byte[12], default, ciphertext, opened));
        Assert.All(opened, b => Assert.Equal(0, b));
        opened.AsSpan().Fill(0xaa);
        Assert.False(XChaCha20Poly1305.TryOpen(Key, new byte[24], default, ciphertext, opened));
        Assert.All(opened, b => Assert.Equal(0, b));
    }

    [Fact]
    public void Sealing_and_opening_work_in_place()
    {
        byte[] buffer = [.. Sunscreen, .. new byte[16]];
        XChaCha20Poly1305.Seal(Key, new byte[24], default, buffer.AsSpan(0, Sunscreen.Length), buffer);
        Assert.True(XChaCha20Poly1305.TryOpen(Key, new byte[24], default, buffer, buffer.AsSpan(0, Sunscreen.Length)));
        Assert.Equal(Sunscreen, buffer[..Sunscreen.Length]);
    }
}
