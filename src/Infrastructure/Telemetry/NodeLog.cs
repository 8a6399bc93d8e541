using System.Collections.Immutable;
using System.Globalization;
using Serilog;
using Serilog.Core;
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

    /// <summary>How long the last lines may take when a node ends.</summary>
    public static readonly TimeSpan FlushTime = TimeSpan.FromMilliseconds(500);

    /// <summary>A line that standard output has not taken after that is a warning.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Logger logger;
    private readonly Monitor console = new();
    private readonly Monitor? disk;
    private readonly WriterSink writer;
    private readonly LogFiles? files;
    private ImmutableArray<Func<string?>> watched = [];

    private NodeLog(LogEventLevel level, TextWriter output, LogFileOptions? options)
    {
        var formatter = new LogLineFormatter();
        if (options is not null)
        {
            files = new LogFiles(options.Path, formatter, options.MaxSize, options.Files);
            // Otherwise every line would only be dropped; a start is the moment to say so.
            files.Open();
        }
        writer = new WriterSink(output, formatter);
        LoggerConfiguration configuration = new LoggerConfiguration().MinimumLevel.Is(level)
            .WriteTo.Async(to => to.Sink(writer), console, QueueLength, blockWhenFull: false);
        if (files is not null)
        {
            disk = new Monitor();
            configuration.WriteTo.Async(to => to.Sink(files), disk, QueueLength, blockWhenFull: false);
        }
        logger = configuration.CreateLogger();
    }

    /// <summary>What the rest of the program writes to.</summary>
    public ILogger Logger => logger;

    /// <summary>Lines that no one will read: dropped because a queue was full, or not taken by the disk.</summary>
    public long Dropped => NotPrinted + NotWritten;

    /// <summary>
    /// REQ-TELEMETRY-3: what is wrong with the telemetry, each in one line for `status`; empty if nothing is. Asks the file system, so not for the
    /// threads that carry traffic.
    /// </summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            var warnings = new List<string>();
            if (NotPrinted > 0) warnings.Add(Count(NotPrinted) + " not taken by standard output");
            if (writer.Waiting is { } waiting && waiting >= Patience)
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"standard output has taken nothing for {waiting.TotalSeconds:0} s; up to {QueueLength} log lines wait"));
            if (NotWritten > 0) warnings.Add($"{Count(NotWritten)} not taken by {files!.Path}");
            // A file that was removed goes on taking lines that nobody can read.
            if (files is { IsGone: true }) warnings.Add(files.Path + " is gone: lines are lost until the node is started again");
            warnings.AddRange(watched.Select(problem => problem()).OfType<string>());
            return warnings;
        }
    }

    /// <summary>Adds something else to ask for <see cref="Warnings"/>: what is wrong with it in one line, or null.</summary>
    public void Watch(Func<string?> problem) => ImmutableInterlocked.Update(ref watched, list => list.Add(problem));

    private long NotPrinted => console.Dropped + writer.Failed;

    private long NotWritten => (disk?.Dropped ?? 0) + (files?.Failed ?? 0);

    private static string Count(long lines) => string.Create(CultureInfo.InvariantCulture, $"{lines} log {(lines == 1 ? "line" : "lines")}");

    /// <summary>Logs to standard output and, where they are given, to files, which are made with mode 0640.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static NodeLog Open(LogEventLevel level, LogFileOptions? file) => Open(level, file, Console.Out);

    /// <summary>The same with another place than standard output.</summary>
    public static NodeLog Open(LogEventLevel level, LogFileOptions? file, TextWriter output) => new(level, output, file);

    /// <summary>Writes what is queued, for <see cref="FlushTime"/> at most: a pipe that nobody reads must not keep a node from ending.</summary>
    public void Dispose()
    {
        var flush = new Thread(logger.Dispose) { IsBackground = true, Name = "log flush" };
        flush.Start();
        flush.Join(FlushTime);
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
        private const long NotWriting = -1;

        private long failed;
        private long since = NotWriting;

        /// <summary>How long the line that is being written has been so; null if none is.</summary>
        public TimeSpan? Waiting => Interlocked.Read(ref since) is var began and not NotWriting ? TimeSpan.FromMilliseconds(Environment.TickCount64 - began) : null;

        public long Failed => Interlocked.Read(ref failed);

        public void Emit(LogEvent logEvent)
        {
            using var line = new StringWriter(CultureInfo.InvariantCulture);
            formatter.Format(logEvent, line);
            Interlocked.Exchange(ref since, Environment.TickCount64);
            try
            {
                output.Write(line.ToString());
                output.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The terminal is gone, the pipe broken or its disk full: a line less, and the node goes on.
                Interlocked.Increment(ref failed);
            }
            finally
            {
                Interlocked.Exchange(ref since, NotWriting);
            }
        }
    }
}
