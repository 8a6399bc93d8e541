namespace JumpingVpn.Replay.Reports;

/// <summary>Writes a report so that its file is never half written: beside it first, then in its place.</summary>
internal static class ReportFile
{
    /// <summary>How every report begins. What begins otherwise is not replaced.</summary>
    public const string Beginning = "<!doctype html>\n<!-- jumping-vpn incident report -->\n";

    /// <summary>Null, or what is wrong in one line that names the file.</summary>
    public static string? Write(string path, Action<Stream> write)
    {
        string? beside = null;
        try
        {
            if (Directory.Exists(path)) return $"{path}: is a directory";
            if (File.Exists(path) && !IsReport(path)) return $"{path}: exists and is no report; it is left alone";
            string target = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, $".{Path.GetRandomFileName()}.report");
            using (var output = new FileStream(target, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 16, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                beside = target;
                write(output);
                output.Flush(flushToDisk: true);
            }
            File.Move(target, path, overwrite: true);
            beside = null;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return e is DirectoryNotFoundException ? $"{path}: no such directory" : $"{path}: {e.Message}";
        }
        finally
        {
            if (beside is not null) File.Delete(beside);
        }
    }

    /// <summary>The length is looked at first: devices and pipes have none, and opening them may wait for ever.</summary>
    private static bool IsReport(string path)
    {
        byte[] expected = System.Text.Encoding.ASCII.GetBytes(Beginning);
        if (new FileInfo(path).Length < expected.Length) return false;
        byte[] found = new byte[expected.Length];
        using FileStream existing = File.OpenRead(path);
        return existing.ReadAtLeast(found, found.Length, throwOnEndOfStream: false) == found.Length && found.AsSpan().SequenceEqual(expected);
    }
}
