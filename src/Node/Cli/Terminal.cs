using Spectre.Console;

namespace JumpingVpn.Node.Cli;

/// <summary>Standard output as Spectre sees it: colours only on a terminal, and no cut lines in a pipe.</summary>
internal static class Terminal
{
    /// <summary>Width of what is not a terminal: wider than any line that is printed.</summary>
    private const int PipeWidth = 400;

    public static IAnsiConsole Open()
    {
        if (!Console.IsOutputRedirected) return AnsiConsole.Console;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(Console.Out),
        });
        console.Profile.Width = PipeWidth;
        return console;
    }
}
