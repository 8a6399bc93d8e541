using System.CommandLine;
using JumpingVpn.Infrastructure.Audit;

namespace JumpingVpn.Replay;

/// <summary>`merge`: one file out of several about one session.</summary>
internal static class MergeCommand
{
    public static Command Make()
    {
        var files = new Argument<string[]>("FILE") { Description = "Incident files of the client and of gateways, about one session.", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out") { HelpName = "FILE", Description = "Where the joined file goes; an existing file is not touched.", Required = true };
        var command = new Command("merge", "Join files about one session. Every part keeps its seal; the timeline is aligned by versions, not by clocks.") { files, output };
        command.SetAction(parsed => Run(parsed.GetValue(files) ?? [], parsed.GetRequiredValue(output)));
        return command;
    }

    private static int Run(string[] files, string output)
    {
        bool made = false;
        try
        {
            foreach (string file in files)
                if (!File.Exists(file)) return Complaint.Exit(ExitCode.BadInput, $"{file}: no such file");
            string? problem;
            using (var target = new FileStream(output, FileMode.CreateNew, FileAccess.Write))
            {
                made = true;
                problem = IncidentJoining.Join(files, target).MatchUnsafe<string?>(Right: static _ => null, Left: static fault => fault);
            }
            if (problem is null) return ExitCode.Done;
            File.Delete(output);
            return Complaint.Exit(ExitCode.BadInput, problem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (made) File.Delete(output);
            return Complaint.Exit(ExitCode.Failed, $"{output}: {e.Message}");
        }
    }
}
