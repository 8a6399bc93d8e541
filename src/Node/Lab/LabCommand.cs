using System.ComponentModel;
using System.Diagnostics;

namespace JumpingVpn.Node.Lab;

/// <summary>Runs a tool such as `ip` or `nft` to its end.</summary>
public static class LabCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Standard output of the tool; throws with the tool's first line of error if it fails or is missing.</summary>
    public static string Run(string tool, IReadOnlyList<string> arguments, string? input = null)
    {
        (int code, string output, string error) = RunToEnd(tool, arguments, input);
        if (code == 0) return output;
        string line = error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? $"exit code {code}";
        throw new LabException($"{tool} {string.Join(' ', arguments)}: {line}");
    }

    /// <summary>Runs the tool and ignores its failure: for what may already be gone.</summary>
    public static void RunQuietly(string tool, IReadOnlyList<string> arguments, string? input = null) => RunToEnd(tool, arguments, input);

    /// <summary>True if the tool stands in one of PATH's directories, or where Debian keeps tools for root.</summary>
    public static bool Exists(string tool) => Find(tool) is not null;

    /// <summary>A start that passes arguments one by one, with no shell between.</summary>
    public static ProcessStartInfo StartInfo(string tool, IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo(Find(tool) ?? tool)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        return info;
    }

    private static (int Code, string Output, string Error) RunToEnd(string tool, IReadOnlyList<string> arguments, string? input)
    {
        try
        {
            using Process process = Process.Start(StartInfo(tool, arguments)) ?? throw new LabException($"{tool}: did not start");
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            try
            {
                if (input is not null) process.StandardInput.Write(input);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // The tool ended before it read everything; its exit code says why.
            }

            if (process.WaitForExit(Limit)) return (process.ExitCode, output.Result, error.Result);
            process.Kill();
            throw new LabException($"{tool} {string.Join(' ', arguments)}: no end after {Limit.TotalSeconds:0} s");
        }
        catch (Win32Exception exception)
        {
            throw new LabException($"{tool}: {exception.Message}", exception);
        }
    }

    private static string? Find(string tool)
    {
        if (tool.Contains('/', StringComparison.Ordinal)) return File.Exists(tool) ? tool : null;
        IEnumerable<string> directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]);
        return directories.Select(directory => Path.Combine(directory, tool)).FirstOrDefault(File.Exists);
    }
}
