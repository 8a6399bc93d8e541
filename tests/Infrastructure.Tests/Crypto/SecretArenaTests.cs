using System.Globalization;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Infrastructure.Tests.Crypto;

public sealed unsafe class SecretArenaTests : IDisposable
{
    private readonly SecretArena arena = new(SecretArena.SecretsPerChunk);

    public void Dispose() => arena.Dispose();

    [Fact]
    public void A_stored_secret_comes_out_as_it_went_in()
    {
        byte[] secret = Secret(7);
        SecretHandle handle = arena.Store(secret);
        Assert.Equal(secret, Bytes(handle));
    }

    [Fact]
    public void A_released_secret_is_zeroed_where_it_lay()
    {
        SecretHandle handle = arena.Store(Secret(7));
        byte* address = AddressOf(handle);
        Assert.Contains(new ReadOnlySpan<byte>(address, SecretArena.SecretSize).ToArray(), b => b != 0);
        arena.Release(handle);
        Assert.All(new ReadOnlySpan<byte>(address, SecretArena.SecretSize).ToArray(), b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_stale_handle_throws_even_when_its_slot_is_used_again()
    {
        SecretHandle old = arena.Store(Secret(1));
        arena.Release(old);
        SecretHandle next = arena.Store(Secret(2));
        Assert.Equal(old.Slot, next.Slot);
        Assert.NotEqual(old, next);
        Assert.False(arena.IsLive(old));
        Assert.Throws<InvalidOperationException>(() => Bytes(old));
        Assert.Throws<InvalidOperationException>(() => arena.Release(old));
        Assert.Equal(Secret(2), Bytes(next));
    }

    [Fact]
    public void A_handle_that_was_never_given_out_throws()
    {
        arena.Store(Secret(1));
        Assert.Throws<InvalidOperationException>(() => Bytes(SecretHandle.None));
        Assert.Throws<InvalidOperationException>(() => Bytes(new SecretHandle(5, 1)));
        Assert.Throws<InvalidOperationException>(() => Bytes(new SecretHandle(-1, 1)));
        Assert.Throws<InvalidOperationException>(() => Bytes(new SecretHandle(int.MaxValue, 1)));
        Assert.Throws<InvalidOperationException>(() => Bytes(new SecretHandle(0, 2)));
    }

    [Fact]
    public void Releasing_none_does_nothing()
    {
        arena.Release(SecretHandle.None);
        Assert.Equal(0, arena.Live);
    }

    [Fact]
    public void The_live_count_follows_every_store_and_release()
    {
        SecretHandle[] handles = [.. Enumerable.Range(0, 10).Select(i => arena.Store(Secret(i)))];
        Assert.Equal(10, arena.Live);
        foreach (SecretHandle handle in handles) arena.Release(handle);
        Assert.Equal(0, arena.Live);
    }

    [Fact]
    public void Exhaustion_is_a_clear_error_and_loses_nothing()
    {
        SecretHandle[] handles = [.. Enumerable.Range(0, arena.Capacity).Select(i => arena.Store(Secret(i)))];
        SecretMemoryException error = Assert.Throws<SecretMemoryException>(() => arena.Store(Secret(0)));
        Assert.Equal("secret memory: full, 512 secrets are live", error.Message);
        for (int i = 0; i < handles.Length; i++) Assert.Equal(Secret(i), Bytes(handles[i]));
        arena.Release(handles[3]);
        Assert.Equal(Secret(9), Bytes(arena.Store(Secret(9))));
    }

    [Fact]
    public void It_grows_in_place()
    {
        using SecretArena large = new(3 * SecretArena.SecretsPerChunk);
        SecretHandle first = large.Store(Secret(1));
        byte* address = AddressOf(first, large);
        for (int i = 1; i < large.Capacity; i++) large.Store(Secret(i));
        Assert.Equal((nint)address, (nint)AddressOf(first, large));
        Assert.Equal(large.Capacity, large.Live);
    }

    [Fact]
    public void The_region_is_locked_and_left_out_of_core_dumps_and_forks()
    {
        SecretHandle handle = arena.Store(Secret(1));
        string flags = VmFlagsAt((ulong)AddressOf(handle));
        string[] set = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("lo", set);
        Assert.Contains("dd", set);
        Assert.Contains("dc", set);
    }

    [Fact]
    public void Generated_secrets_differ()
    {
        byte[] one = Bytes(arena.Generate()), other = Bytes(arena.Generate());
        Assert.NotEqual(one, other);
        Assert.NotEqual(new byte[SecretArena.SecretSize], one);
    }

    [Fact]
    public void A_secret_of_the_wrong_size_is_refused()
    {
        Assert.Throws<ArgumentException>(() => arena.Store(new byte[31]));
        SecretHandle handle = arena.Store(Secret(1));
        Assert.Throws<ArgumentException>(() => arena.CopyTo(handle, new byte[33]));
        Assert.Equal(1, arena.Live);
    }

    [Fact]
    public void After_disposal_every_use_throws()
    {
        SecretArena gone = new(1);
        SecretHandle handle = gone.Store(Secret(1));
        gone.Dispose();
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => gone.Store(Secret(1)));
        Assert.Throws<InvalidOperationException>(() => Bytes(handle, gone));
        Assert.Equal(0, gone.Live);
    }

    [Fact]
    public void Many_threads_never_see_each_others_secrets()
    {
        using SecretArena shared = new(4 * SecretArena.SecretsPerChunk);
        int wrong = 0;
        Parallel.For(0, 4, thread =>
        {
            byte[] mine = Secret(thread + 100);
            byte[] copy = new byte[SecretArena.SecretSize];
            for (int i = 0; i < 20_000; i++)
            {
                SecretHandle handle = shared.Store(mine);
                shared.CopyTo(handle, copy);
                if (!copy.AsSpan().SequenceEqual(mine)) Interlocked.Increment(ref wrong);
                shared.Release(handle);
            }
        });
        Assert.Equal(0, wrong);
        Assert.Equal(0, shared.Live);
    }

    [Fact]
    public void A_handle_prints_its_slot_and_never_the_secret()
    {
        SecretHandle handle = arena.Store(Secret(7));
        Assert.Equal($"secret({handle.Slot})", handle.ToString());
        Assert.Equal("secret(none)", SecretHandle.None.ToString());
    }

    private static byte[] Secret(int seed) => [.. Enumerable.Range(0, SecretArena.SecretSize).Select(i => (byte)(seed * 37 + i + 1))];

    private byte[] Bytes(SecretHandle handle) => Bytes(handle, arena);

    private static byte[] Bytes(SecretHandle handle, SecretArena from)
    {
        byte[] copy = new byte[SecretArena.SecretSize];
        from.CopyTo(handle, copy);
        return copy;
    }

    private byte* AddressOf(SecretHandle handle) => AddressOf(handle, arena);

    private static byte* AddressOf(SecretHandle handle, SecretArena from)
    {
        nint[] address = new nint[1];
        from.Use(handle, address, static (bytes, result) =>
        {
            fixed (byte* p = bytes) result[0] = (nint)p;
        });
        return (byte*)address[0];
    }

    private static string VmFlagsAt(ulong address)
    {
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal), space = line.IndexOf(' ', StringComparison.Ordinal);
            if (dash > 0 && space > dash && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, null, out ulong start)
                && ulong.TryParse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, null, out ulong end))
                inside = address >= start && address < end;
            else if (inside && line.StartsWith("VmFlags:", StringComparison.Ordinal))
                return line["VmFlags:".Length..];
        }
        throw new InvalidOperationException("the address is not mapped");
    }
}
