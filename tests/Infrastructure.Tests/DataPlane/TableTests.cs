using System.Net;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.DataPlane;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>The table's parts on their own.</summary>
public sealed class TableTests
{
    [Fact]
    public void The_longest_prefix_wins_in_both_families()
    {
        var routes = new RouteTable();
        string[] prefixes = ["0.0.0.0/0", "10.0.0.0/8", "10.9.0.0/16", "10.9.1.0/24", "10.9.1.7/32", "::/0", "fd00::/8", "fd09::/64", "fd09::7/128"];
        SessionEntry[] sessions = [.. prefixes.Select((text, i) => new SessionEntry(new((UInt128)i), PlaneHarness.Prefixes(text), 1420))];
        foreach (SessionEntry session in sessions) routes.Add(session.Prefixes[0], session);
        Assert.Equal(4, Find("10.9.1.7"));
        Assert.Equal(3, Find("10.9.1.8"));
        Assert.Equal(2, Find("10.9.2.8"));
        Assert.Equal(1, Find("10.10.2.8"));
        Assert.Equal(0, Find("11.0.0.1"));
        Assert.Equal(8, Find("fd09::7"));
        Assert.Equal(7, Find("fd09::8"));
        Assert.Equal(6, Find("fd10::8"));
        Assert.Equal(5, Find("2001:db8::1"));
        foreach (int gone in new[] { 4, 3, 7, 5 }) routes.Remove(sessions[gone].Prefixes[0], sessions[gone]);
        Assert.Equal(2, Find("10.9.1.7"));
        Assert.Equal(6, Find("fd09::8"));
        Assert.Equal(-1, Find("2001:db8::1"));

        int Find(string address)
        {
            UInt128 value = Endpoint.From(IPAddress.Parse(address), 0).Address;
            SessionEntry? found = address.Contains('.', StringComparison.Ordinal) ? routes.Find((uint)value) : routes.Find(value);
            return found is null ? -1 : (int)found.Id.Value;
        }
    }

    [Fact]
    public void Thousands_of_hosts_are_found_each_and_go_again()
    {
        var routes = new RouteTable();
        SessionEntry[] sessions = [.. Enumerable.Range(0, 5000).Select(i => new SessionEntry(new((UInt128)i), [new(Endpoint.FromIPv4((uint)(0x0A00_0000 + i), 0).Address, 32, true)], 1420))];
        foreach (SessionEntry session in sessions) routes.Add(session.Prefixes[0], session);
        for (int i = 0; i < sessions.Length; i++) Assert.Same(sessions[i], routes.Find((uint)(0x0A00_0000 + i)));
        for (int i = 0; i < sessions.Length; i += 2) routes.Remove(sessions[i].Prefixes[0], sessions[i]);
        for (int i = 0; i < sessions.Length; i++) Assert.Same(i % 2 == 0 ? null : sessions[i], routes.Find((uint)(0x0A00_0000 + i)));
    }

    [Fact]
    public void A_reader_finds_what_stays_while_others_come_and_go()
    {
        var table = new ReadMostlyTable<uint, string>();
        for (uint i = 0; i < 100; i++) table.Add(i * 977, "stays");
        bool stop = false;
        int missed = 0;
        var reader = new Thread(() =>
        {
            for (uint i = 0; !Volatile.Read(ref stop); i = (i + 1) % 100)
                if (table.Find(i * 977) is null) missed++;
        });
        reader.Start();
        for (int round = 0; round < 20; round++)
        {
            for (uint i = 0; i < 1000; i++) table.Add(i * 31 + 7, "goes");
            for (uint i = 0; i < 1000; i++) Assert.True(table.Remove(i * 31 + 7, "goes"));
        }
        Volatile.Write(ref stop, true);
        reader.Join();
        Assert.Equal(0, missed);
        Assert.Equal(100, table.Count);
    }

    [Fact]
    public void A_rate_limit_allows_its_rate_at_once_and_then_as_time_passes()
    {
        var limit = new RateLimit(50);
        Instant now = Instant.FromMilliseconds(1000);
        for (int i = 0; i < 50; i++) Assert.True(limit.TryTake(now));
        Assert.False(limit.TryTake(now));
        Assert.False(limit.TryTake(now + TimeSpan.FromMilliseconds(19)));
        Assert.True(limit.TryTake(now + TimeSpan.FromMilliseconds(20)));
        Assert.False(limit.TryTake(now + TimeSpan.FromMilliseconds(20)));
        Instant later = now + TimeSpan.FromHours(1);
        for (int i = 0; i < 50; i++) Assert.True(limit.TryTake(later));
        Assert.False(limit.TryTake(later));
    }

    [Fact]
    public unsafe void The_checksum_agrees_with_the_definition_for_every_length_and_alignment()
    {
        byte* memory = stackalloc byte[700];
        int seed = Random.Shared.Next();
        new Random(seed).NextBytes(new Span<byte>(memory, 700));
        for (int i = 100; i < 200; i++) memory[i] = 0xFF;
        for (int length = 0; length < 600; length++)
        {
            byte* start = memory + length % 9;
            ulong expected = 0;
            for (int i = 0; i < length; i++) expected += (ulong)start[i] << (i % 2 == 0 ? 0 : 8);
            while (expected >> 16 != 0) expected = (expected & 0xFFFF) + (expected >> 16);
            Assert.True(expected == InternetChecksum.Fold(InternetChecksum.Sum(start, length)), $"length {length}, seed {seed}");
        }
    }
}
