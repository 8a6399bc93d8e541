using System.Runtime.Intrinsics.X86;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Packet;

namespace JumpingVpn.Infrastructure.Tests.Crypto.Packet;

public sealed class PacketCipherSelectorTests
{
    [Fact]
    public void Without_a_wish_both_suites_are_found_and_named()
    {
        PacketCipherSelector selector = Selected(null);
        Assert.True(selector.Supports(CipherSuite.Aes256Gcm));
        Assert.True(selector.Supports(CipherSuite.ChaCha20Poly1305));
        Assert.StartsWith("AES-256-GCM by ", selector.Description, StringComparison.Ordinal);
        Assert.Contains(", ChaCha20-Poly1305 by ", selector.Description, StringComparison.Ordinal);
        Assert.Contains(selector.BackendName(CipherSuite.Aes256Gcm), PacketCipherSelector.Backends);
    }

    [Theory]
    [InlineData("openssl", "openssl", "openssl")]
    [InlineData("bcl", "bcl", "openssl")]
    [InlineData("sodium", null, "sodium")]
    public void A_preferred_backend_is_used_for_the_suites_that_it_has(string preferred, string? aes, string chaCha)
    {
        PacketCipherSelector selector = Selected(preferred);
        Assert.Equal(aes ?? Selected(null).BackendName(CipherSuite.Aes256Gcm), selector.BackendName(CipherSuite.Aes256Gcm));
        Assert.Equal(chaCha, selector.BackendName(CipherSuite.ChaCha20Poly1305));
    }

    [Fact]
    public void An_unknown_backend_is_refused_by_name() =>
        Assert.Equal("packet cipher \"rot13\" is unknown; there are ipsec-mb, openssl, bcl, sodium", PacketCipherSelector.Select("rot13").Match(
            Right: _ => "", Left: why => why));

    [Fact]
    public void What_is_skipped_says_why()
    {
        PacketCipherSelector selector = Selected(null);
        if (selector.BackendName(CipherSuite.Aes256Gcm) == "ipsec-mb") Assert.Empty(selector.Skipped);
        else Assert.StartsWith("AES-256-GCM by ipsec-mb: ", selector.Skipped[0], StringComparison.Ordinal);
    }

    [Fact]
    public void AES_counts_as_accelerated_only_with_the_CPUs_instructions()
    {
        PacketCipherSelector selector = Selected(null);
        if (X86Base.IsSupported) Assert.Equal(Aes.IsSupported && Pclmulqdq.IsSupported, selector.Accelerates(CipherSuite.Aes256Gcm));
        Assert.True(selector.Accelerates(CipherSuite.ChaCha20Poly1305));
        Assert.False(selector.Accelerates((CipherSuite)3));
    }

    [Fact]
    public void A_suite_that_the_host_lacks_makes_no_key()
    {
        Assert.Throws<NotSupportedException>(() => Selected(null).CreateKey((CipherSuite)3, PacketDirection.Seal, new byte[32]));
        Assert.Equal("none", Selected(null).BackendName((CipherSuite)3));
    }

    private static PacketCipherSelector Selected(string? preferred) =>
        PacketCipherSelector.Select(preferred).Match(Right: s => s, Left: why => throw new InvalidOperationException(why));
}
