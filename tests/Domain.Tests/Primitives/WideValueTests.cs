using System.Buffers.Binary;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Primitives;

/// <summary>Ids, addresses, keys and hashes behave as the 128-bit numbers that they stand for.</summary>
public sealed class WideValueTests
{
    private const int Seed = 128;
    private readonly Random random = new(Seed);

    [Fact]
    public void Ids_read_write_print_and_order_as_numbers()
    {
        byte[] bytes = new byte[16];
        for (int i = 0; i < 500; i++)
        {
            UInt128 a = Next(), b = Next();
            new SessionId(a).Write(bytes);
            Assert.Equal(a, BinaryPrimitives.ReadUInt128BigEndian(bytes));
            Assert.Equal(new SessionId(a), SessionId.Read(bytes));
            Assert.Equal(a, new InstanceId(a).Value);
            Assert.Equal(a.ToString("x32", null), new SessionId(a).ToString());
            Assert.True(SessionId.TryParse(new SessionId(a).ToString(), out SessionId parsed));
            Assert.Equal(a, parsed.Value);
            Assert.Equal(a.CompareTo(b), Math.Sign(new SessionId(a).CompareTo(new SessionId(b))));
            Assert.Equal(a < b, new SessionId(a) < new SessionId(b));
            Assert.Equal(a == b, new SessionId(a) == new SessionId(b));
        }
    }

    [Fact]
    public void Keys_and_hashes_keep_their_bytes()
    {
        byte[] bytes = new byte[32], written = new byte[32];
        random.NextBytes(bytes);
        PublicKey.Read(bytes).Write(written);
        Assert.Equal(bytes, written);
        Hash256.Read(bytes).Write(written);
        Assert.Equal(bytes, written);
        Assert.Equal(Convert.ToHexStringLower(bytes), Hash256.Read(bytes).ToString());
        Assert.True(Hash256.TryParse(Hash256.Read(bytes).ToString(), out Hash256 parsed));
        Assert.Equal(Hash256.Read(bytes), parsed);
    }

    [Fact]
    public void Prefixes_contain_what_their_bits_say_at_every_length()
    {
        for (int length = 0; length <= 128; length++)
        {
            UInt128 address = Next();
            var prefix = new IpPrefix(address, (byte)length, false);
            UInt128 mask = length == 0 ? 0 : UInt128.MaxValue << (128 - length);
            Assert.Equal(address & mask, prefix.Network.Address);
            for (int bit = 0; bit < 128; bit++)
                Assert.Equal(bit >= length, prefix.Contains(address ^ (UInt128.One << (127 - bit))));
        }
    }

    [Theory]
    [InlineData("10.77.0.0/24", "10.77.0.255/32", true)]
    [InlineData("10.77.0.0/24", "10.77.1.0/32", false)]
    [InlineData("0.0.0.0/0", "255.255.255.255/32", true)]
    [InlineData("0.0.0.0/0", "fd77::1/128", false)]
    [InlineData("::/0", "fd77::1/128", true)]
    [InlineData("fd77::/64", "fd77::ffff:ffff:ffff:ffff/128", true)]
    [InlineData("fd77::/64", "fd77:0:0:1::/128", false)]
    public void Prefixes_of_one_family_overlap_where_they_share_an_address(string wide, string narrow, bool expected)
    {
        Assert.True(IpPrefix.TryParse(wide, out IpPrefix a) && IpPrefix.TryParse(narrow, out IpPrefix b) && a.Overlaps(b) == expected && b.Overlaps(a) == expected);
        Assert.Equal(wide, a.ToString());
    }

    [Theory]
    [InlineData("192.0.2.1:51830", true, false)]
    [InlineData("[2001:db8::1]:51830", false, false)]
    [InlineData("0.0.0.0:1", true, true)]
    [InlineData("[::]:1", false, true)]
    public void Endpoints_know_their_family_and_print_as_they_are_written(string text, bool isIPv4, bool isUnspecified)
    {
        Assert.True(Endpoint.TryParse(text, out Endpoint endpoint));
        Assert.Equal((isIPv4, isUnspecified, text), (endpoint.IsIPv4, endpoint.IsUnspecified, endpoint.ToString()));
        Assert.Equal(endpoint, new Endpoint(endpoint.Address, endpoint.Port));
    }

    private UInt128 Next() => new((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
}
