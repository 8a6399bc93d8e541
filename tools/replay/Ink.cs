using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Replay;

/// <summary>Colours, where standard output is a terminal that wants them (NO_COLOR, TERM).</summary>
internal static class Ink
{
    private static readonly bool Used = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    public static string Good(string text) => Paint(text, "1;32");

    public static string Bad(string text) => Paint(text, "1;31");

    public static string Doubt(string text) => Paint(text, "1;33");

    public static string Quiet(string text) => Paint(text, "2");

    public static string Strong(string text) => Paint(text, "1");

    /// <summary>A state's name in its colour, padded first so that columns stay aligned.</summary>
    public static string State(SessionState state, int width)
    {
        string text = state.ToString().PadRight(width);
        return state switch
        {
            SessionState.Attached => Paint(text, "32"),
            SessionState.Volatile => Paint(text, "33"),
            SessionState.Degraded => Paint(text, "35"),
            SessionState.Recovering => Paint(text, "31"),
            SessionState.Terminated => Paint(text, "90"),
            SessionState.Birth => text,
            _ => text,
        };
    }

    private static string Paint(string text, string code) => Used ? $"\u001b[{code}m{text}\u001b[0m" : text;
}
