using System.Globalization;
using Serilog;
using Serilog.Core;
using Serilog.Debugging;
using Serilog.Events;
using Serilog.Sinks.Async;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>
/// The log of a node. Writing never blocks and never fails (REQ-TELEMETRY-1): lines go through a bounded queue for each
/// destination, and what a full disk, a dead terminal or a pipe that nobody reads does not take in time is dropped and
/// counted. One destination's trouble does not touch the other.
/// </summary>
public sealed class NodeLog : IDisposable
{
    /// <summary>Lines that wait for one destination at most.</summary>
    public const int QueueLength = 4096;

    /// <summary>Size at which a log file is closed and the next one begun, in bytes.</summary>
    public const long FileSize = 16 * 1024 * 1024;

    /// <summary>Files that are kept, the present one included.</summary>
    public const int Files = 4;

    /// <summary>How long the last lines may take when a node ends.</summary>
    public static readonly TimeSpan FlushTime = TimeSpan.FromMilliseconds(500);

    private const UnixFileMode LogMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private readonly Logger logger;
    private readonly Monitor[] monitors;
    private long failed;

    private NodeLog(LogEventLevel level, TextWriter output, string? file)
    {
        // The sinks' own exceptions end here, one call each: a disk that is full.
        SelfLog.Enable(_ => Interlocked.Increment(ref failed));
        var formatter = new LogLineFormatter();
        var console = new Monitor();
        LoggerConfiguration configuration = new LoggerConfiguration().MinimumLevel.Is(level)
            .WriteTo.Async(to => to.Sink(new WriterSink(output, formatter)), console, QueueLength, blockWhenFull: false);
        monitors = [console];
        if (file is not null)
        {
            var disk = new Monitor();
            configuration.WriteTo.Async(
                to => to.File(formatter, file, fileSizeLimitBytes: FileSize, rollOnFileSizeLimit: true, retainedFileCountLimit: Files, shared: false),
                disk, QueueLength, blockWhenFull: false);
            monitors = [console, disk];
        }
        logger = configuration.CreateLogger();
    }

    /// <summary>What the rest of the program writes to.</summary>
    public ILogger Logger => logger;

    /// <summary>Lines that no one will read: dropped because a queue was full, or not taken by the disk.</summary>
    public long Dropped => monitors.Sum(m => m.Dropped) + Interlocked.Read(ref failed);

    /// <summary>Logs to standard output and, where it is given, to a file, which is made with mode 0640.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static NodeLog Open(LogEventLevel level, string? file) => Open(level, file, Console.Out);

    /// <summary>The same with another place than standard output.</summary>
    public static NodeLog Open(LogEventLevel level, string? file, TextWriter output)
    {
        // The sink would only drop every line; a start is the moment to say so.
        if (file is not null) new FileStream(file, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, UnixCreateMode = LogMode }).Dispose();
        return new(level, output, file);
    }

    /// <summary>Writes what is queued, for <see cref="FlushTime"/> at most: a pipe that nobody reads must not keep a node from ending.</summary>
    public void Dispose()
    {
        var flush = new Thread(Close) { IsBackground = true, Name = "log flush" };
        flush.Start();
        flush.Join(FlushTime);
    }

    private void Close()
    {
        try
        {
            logger.Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException or AggregateException)
        {
            // What the file still held back cannot be written, and nobody is left to be told.
            Interlocked.Increment(ref failed);
        }
    }

    /// <summary>Reads how many lines an asynchronous sink has dropped.</summary>
    private sealed class Monitor : IAsyncLogEventSinkMonitor
    {
        private IAsyncLogEventSinkInspector? inspector;

        public long Dropped => inspector?.DroppedMessagesCount ?? 0;

        // The count must outlive the sink: it is read once more at the end.
        public void StartMonitoring(IAsyncLogEventSinkInspector inspector) => this.inspector = inspector;

        public void StopMonitoring(IAsyncLogEventSinkInspector inspector)
        {
        }
    }

    /// <summary>One line at a time to a writer. Only the asynchronous sink's one thread calls it.</summary>
    private sealed class WriterSink(TextWriter output, LogLineFormatter formatter) : ILogEventSink
    {
        public void Emit(LogEvent logEvent)
        {
            using var line = new StringWriter(CultureInfo.InvariantCulture);
            formatter.Format(logEvent, line);
            output.Write(line.ToString());
            output.Flush();
        }
    }
}
