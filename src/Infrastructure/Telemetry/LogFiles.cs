using System.Globalization;
using System.Text;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>
/// A log file and the ones before it: FILE is written, FILE.1 was before it, and so on. Together they never take more than size times
/// count (REQ-EXHAUST-3). A line that cannot be written is counted and the next one is tried. Only one thread writes.
/// </summary>
/// <param name="path">The file that is written. A device or pipe is written for ever: it has no length.</param>
/// <param name="size">Largest size of one file, in bytes; above that of the longest line.</param>
/// <param name="count">Files that are kept, the present one included.</param>
internal sealed class LogFiles(string path, ITextFormatter formatter, long size, int count) : ILogEventSink, IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private readonly Lock rolling = new();
    private readonly StringWriter line = new(CultureInfo.InvariantCulture);
    private FileStream? file;
    private byte[] bytes = [];
    private long failed;

    public string Path => path;

    /// <summary>Somebody has removed the file that is written.</summary>
    public bool IsGone
    {
        get
        {
            lock (rolling) return !File.Exists(path);
        }
    }

    /// <summary>Lines that could not be written.</summary>
    public long Failed => Interlocked.Read(ref failed);

    /// <summary>Makes or opens the file, and removes what a larger count has left.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Open()
    {
        // Not for appending: the place is set before each line, and whoever empties the file leaves no hole in it.
        file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0, UnixCreateMode = Mode,
        });
        for (int i = count; File.Exists(Before(i)); i++) File.Delete(Before(i));
    }

    public void Emit(LogEvent logEvent)
    {
        int length = Encode(logEvent);
        try
        {
            if (file is null) Open();
            if (file!.CanSeek && file.Length is > 0 and long present && present + length > size) Roll();
            Write(length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Interlocked.Increment(ref failed);
        }
    }

    public void Dispose()
    {
        file?.Dispose();
        line.Dispose();
    }

    private int Encode(LogEvent logEvent)
    {
        StringBuilder text = line.GetStringBuilder();
        text.Clear();
        formatter.Format(logEvent, line);
        int most = Encoding.UTF8.GetMaxByteCount(text.Length);
        if (bytes.Length < most) bytes = new byte[most];
        return Encoding.UTF8.GetBytes(text.ToString(), bytes);
    }

    private void Write(int length)
    {
        long end = file!.CanSeek ? file.Length : 0;
        if (file.CanSeek) file.Position = end;
        try
        {
            file.Write(bytes, 0, length);
        }
        catch (IOException) when (file.CanSeek && file.Length > end)
        {
            // The disk took a part of the line: the next one must not follow on it.
            file.SetLength(end);
            throw;
        }
    }

    private void Roll()
    {
        lock (rolling)
        {
            file!.Dispose();
            file = null;
            if (count == 1) File.Delete(path);
            for (int i = count - 1; i > 0; i--)
                if (File.Exists(Before(i - 1))) File.Move(Before(i - 1), Before(i), overwrite: true);
            Open();
        }
    }

    /// <summary>The file that was written <paramref name="steps"/> files ago.</summary>
    private string Before(int steps) => steps == 0 ? path : string.Create(CultureInfo.InvariantCulture, $"{path}.{steps}");
}
