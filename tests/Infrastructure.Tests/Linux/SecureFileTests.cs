using System.Globalization;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Tests.Linux;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class SecureFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("jump-files-").FullName;
    private readonly byte[] _buffer = new byte[64];

    private string Key => Path.Combine(_directory, "node.key");

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void A_new_file_is_for_its_owner_alone_and_reads_back()
    {
        SecureFile.Create(Key, "secret"u8);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Key));
        Assert.Equal("secret"u8.ToArray(), _buffer[..SecureFile.Read(Key, _buffer)]);
    }

    [Fact]
    public void An_existing_file_is_never_overwritten()
    {
        SecureFile.Create(Key, "first"u8);
        LinuxException error = Assert.Throws<LinuxException>(() => SecureFile.Create(Key, "second"u8));
        Assert.Equal($"create {Key}: File exists (EEXIST); an existing file is never overwritten", error.Message);
        Assert.Equal("first", File.ReadAllText(Key));
    }

    [Theory]
    [InlineData("0640")]
    [InlineData("0604")]
    [InlineData("0620")]
    [InlineData("0601")]
    public void A_file_that_others_can_use_is_refused_with_the_mend(string mode)
    {
        File.WriteAllText(Key, "secret");
        File.SetUnixFileMode(Key, (UnixFileMode)Convert.ToInt32(mode, 8));
        LinuxException error = Assert.Throws<LinuxException>(() => SecureFile.Read(Key, _buffer));
        Assert.Equal($"{Key}: others than its owner can use it (mode {mode}): chmod 600 {Key}", error.Message);
        Assert.All(_buffer, b => Assert.Equal(0, b));
    }

    [PrivilegedFact]
    public void A_file_of_another_user_is_refused_with_the_mend()
    {
        SecureFile.Create(Key, "secret"u8);
        using (var chown = System.Diagnostics.Process.Start("chown", ["12345", Key])) chown.WaitForExit();
        LinuxException error = Assert.Throws<LinuxException>(() => SecureFile.Read(Key, _buffer));
        Assert.Equal($"{Key}: belongs to user 12345, not to this program's user 0: chown 0 {Key}", error.Message);
    }

    [Fact]
    public void What_is_no_plain_file_or_too_long_is_refused_without_waiting()
    {
        Assert.Equal($"{_directory}: not a regular file", Refusal(_directory));
        string pipe = Path.Combine(_directory, "pipe");
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", ["-m", "600", pipe])) mkfifo.WaitForExit();
        Assert.Equal($"{pipe}: not a regular file", Refusal(pipe));
        SecureFile.Create(Key, new byte[65]);
        Assert.Equal($"{Key}: longer than 64 bytes", Refusal(Key));
        Assert.Equal($"open {Key}x: No such file or directory (ENOENT)", Refusal(Key + "x"));

        string Refusal(string path) => Assert.Throws<LinuxException>(() => SecureFile.Read(path, _buffer)).Message;
    }

    [Fact]
    public void A_file_of_exactly_the_buffers_length_fits()
    {
        SecureFile.Create(Key, new byte[64]);
        Assert.Equal(64, SecureFile.Read(Key, _buffer));
        Assert.Equal(0, Convert.ToInt32(_buffer.Max(), CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Replacing_leaves_the_new_content_alone_and_no_other_file()
    {
        File.WriteAllText(Path.Combine(_directory, ".node.key.new"), "left by an interrupted writer");
        SecureFile.Replace(Key, "one"u8);
        SecureFile.Replace(Key, "two"u8);
        Assert.Equal("two", File.ReadAllText(Key));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Key));
        Assert.Equal([Key], Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public void A_reader_sees_the_old_content_or_the_new_but_never_a_part()
    {
        byte[] old = Enumerable.Repeat((byte)'a', 4000).ToArray(), fresh = Enumerable.Repeat((byte)'b', 3000).ToArray();
        SecureFile.Replace(Key, old);
        bool stop = false;
        var writer = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++) SecureFile.Replace(Key, i % 2 == 0 ? fresh : old);
        });
        writer.Start();
        byte[] buffer = new byte[5000];
        for (int i = 0; i < 300; i++)
        {
            byte[] seen = buffer[..SecureFile.Read(Key, buffer)];
            Assert.True(seen.SequenceEqual(old) || seen.SequenceEqual(fresh), $"round {i}: {seen.Length} bytes");
        }
        Volatile.Write(ref stop, true);
        writer.Join();
    }

    [Fact]
    public void A_failed_replacement_leaves_the_old_file()
    {
        string target = Path.Combine(_directory, "folder");
        Directory.CreateDirectory(Path.Combine(target, "full"));
        Assert.Throws<LinuxException>(() => SecureFile.Replace(target, "x"u8));
        Assert.True(Directory.Exists(target));
        Assert.Equal([target], Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public void Deleting_says_whether_there_was_anything()
    {
        SecureFile.Create(Key, []);
        Assert.True(SecureFile.Delete(Key));
        Assert.False(SecureFile.Delete(Key));
    }
}
