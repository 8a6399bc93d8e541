using System.CommandLine;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Running;

namespace JumpingVpn.Node.Cli;

/// <summary>`sessions export`: one session's incident file, from a running node, or from the files of one that does not run.</summary>
internal static class ExportCommand
{
    public static Command Make()
    {
        var id = new Argument<string>("ID") { Description = "The session's id: 32 hexadecimal digits." };
        var output = new Option<string>("--out") { HelpName = "FILE", Description = "Where the incident file goes (mode 0600); an existing file is not touched.", Required = true };
        Option<string?> control = ControlOption.Make();
        var config = new Option<string?>("--config", "-c")
        {
            HelpName = "FILE",
            Description = "Read the store and audit directory of this configuration instead of asking a running node.",
        };
        var command = new Command(
            "export", "Write one session's signed history and what was seen around it to a file; `replay` checks and shows it. An ended session can be exported as long as its retention lasts.")
        {
            id, output, control, config,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(id), parsed.GetRequiredValue(output), parsed.GetValue(control), parsed.GetValue(config)));
        return command;
    }

    private static int Run(string text, string output, string? control, string? config)
    {
        if (!SessionId.TryParse(text, out SessionId session))
            return Complaint.Exit(ExitCode.BadInput, $"{Printable.Quoted(text)} is no session id; 32 hexadecimal digits are expected");
        if (config is null) return ControlOption.With(control, client => Write(output, file => FromNode(client, session, file)));
        if (control is not null) return Complaint.Exit(ExitCode.BadInput, "--control and --config: only one of them says where the session is");
        if (CheckCommand.Load(config) is not { } configuration) return ExitCode.BadInput;
        return Write(output, file => SessionExport.FromFilesAsync(configuration, session, file).GetAwaiter().GetResult());
    }

    private static string? FromNode(ControlClient client, SessionId session, Stream file)
    {
        ControlResponse response = client.Export(session, bytes => file.Write(bytes));
        return response.Ok ? null : response.Error ?? "the node refused";
    }

    /// <summary>Makes the file, has it written, and removes it again if that failed.</summary>
    private static int Write(string output, Func<Stream, string?> write)
    {
        bool made = false;
        try
        {
            string? problem;
            using (var file = new FileStream(output, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                made = true;
                problem = write(file);
                if (problem is null) file.Flush(flushToDisk: true);
            }
            if (problem is null) return ExitCode.Done;
            File.Delete(output);
            return Complaint.Exit(ExitCode.Failed, problem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (made) File.Delete(output);
            return Complaint.Exit(ExitCode.Failed, made ? e.Message : FileProblem.Of(output, e));
        }
    }
}
