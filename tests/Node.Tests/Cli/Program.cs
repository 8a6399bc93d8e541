using System.Diagnostics;

namespace JumpingVpn.Node.Tests.Cli;

/// <summary>Runs the built program as its users do: as a process.</summary>
public static class Program
{
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "jumping-vpn");

    public sealed record Result(int ExitCode, string Output, string Error)
    {
        public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public static Result Run(params string[] arguments) => RunWith("", arguments);

    public static Result RunWith(string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // A command that does not read its input may have ended already.
        }
        if (!process.WaitForExit(30_000))
        {
            process.Kill();
            Assert.Fail($"jumping-vpn {string.Join(' ', arguments)} did not end within 30 s");
        }
        return new(process.ExitCode, output.Result, error.Result);
    }
}
