using System.Globalization;
using Serilog.Events;
using Serilog.Formatting;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>
/// One event, one line: UTC time in milliseconds, level, message. What others sent may stand in a message, so control
/// characters are replaced: they must not look like another line or move a cursor (REQ-TELEMETRY-2).
/// </summary>
public sealed class LogLineFormatter : ITextFormatter
{
    /// <summary>Longest message, in characters.</summary>
    public const int MaxMessage = 2000;

    public void Format(LogEvent logEvent, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(logEvent);
        ArgumentNullException.ThrowIfNull(output);
        output.Write(logEvent.Timestamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z' ", CultureInfo.InvariantCulture));
        output.Write(LevelOf(logEvent.Level));
        output.Write(' ');
        output.Write(OneLine(Message(logEvent)));
        output.Write('\n');
    }

    private static string Message(LogEvent logEvent)
    {
        // Quotes around texts serve structured readers; people read this.
        var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (Serilog.Parsing.MessageTemplateToken token in logEvent.MessageTemplate.Tokens)
        {
            if (token is Serilog.Parsing.PropertyToken property
                && logEvent.Properties.TryGetValue(property.PropertyName, out LogEventPropertyValue? value) && value is ScalarValue { Value: string plain })
                text.Write(plain);
            else token.Render(logEvent.Properties, text, CultureInfo.InvariantCulture);
        }
        if (logEvent.Exception is { } e) text.Write($": {e.GetType().Name}: {e.Message}");
        return text.ToString();
    }

    private static string LevelOf(LogEventLevel level) => level switch
    {
        LogEventLevel.Verbose => "VRB",
        LogEventLevel.Debug => "DBG",
        LogEventLevel.Information => "INF",
        LogEventLevel.Warning => "WRN",
        LogEventLevel.Error => "ERR",
        LogEventLevel.Fatal => "FTL",
        _ => "???",
    };

    private static string OneLine(string text)
    {
        if (text.Length > MaxMessage) text = text[..MaxMessage] + "...";
        return text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;
    }
}
