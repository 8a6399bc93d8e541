using JumpingVpn.Node.Lab;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>A file system of a few megabytes in memory, to be filled.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int NoSpace = 28;
    private const int PageSize = 4096;

    private readonly string _ballast;

    public SmallDisk(int megabytes)
    {
        Root = Directory.CreateTempSubdirectory("jvpn-disk-").FullName;
        _ballast = PathOf("ballast");
        LabCommand.Run("mount", ["-t", "tmpfs", "-o", $"size={megabytes}m,mode=700", "tmpfs", Root]);
    }

    public string Root { get; }

    public string PathOf(string file) => Path.Combine(Root, file);

    /// <summary>Writes until the file system takes nothing more, and sees that this is why.</summary>
    public void Fill()
    {
        using (FileStream ballast = new(_ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            Assert.True(Refuses(ballast), "the disk takes whatever comes");
        AssertFull();
    }

    /// <summary>Not one byte more fits.</summary>
    public void AssertFull()
    {
        using FileStream ballast = new(_ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        IOException refused = Assert.Throws<IOException>(() => ballast.Write(new byte[PageSize]));
        Assert.Equal(NoSpace, refused.HResult & 0xFFFF);
    }

    /// <summary>Takes what is left of a file's last page: so much fits in it still where nothing else does.</summary>
    public static void FillPage(string file)
    {
        using FileStream page = new(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        page.Write(new byte[(PageSize - (page.Length % PageSize)) % PageSize]);
    }

    public void MakeRoom() => File.Delete(_ballast);

    public void Dispose()
    {
        LabCommand.RunQuietly("umount", ["-l", Root]);
        Directory.Delete(Root);
    }

    private static bool Refuses(FileStream ballast)
    {
        byte[] page = new byte[PageSize];
        for (int i = 0; i < 1 << 20; i++)
        {
            try
            {
                ballast.Write(page);
            }
            catch (IOException)
            {
                return true;
            }
        }

        return false;
    }
}
