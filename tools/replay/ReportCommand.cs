using System.CommandLine;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Replay.Reports;
using LanguageExt;

namespace JumpingVpn.Replay;

/// <summary>`report`: the incident as one page.</summary>
internal static class ReportCommand
{
    public static Command Make()
    {
        var file = new Argument<string>("FILE") { Description = "An incident file; of several nodes one that merge has made." };
        var output = new System.CommandLine.Option<string>("--out")
        {
            HelpName = "FILE", Description = "Where the page goes (mode 0600). An earlier report is replaced, any other file is left alone.", Required = true,
        };
        var keys = new System.CommandLine.Option<string?>("--keys") { HelpName = "FILE", Description = "Public audit keys to trust, as for verify." };
        var command = new Command(
            "report", "Check the file and write one self-contained HTML page that needs no network. A file that does not hold gives a page that says so, and exit code 1.")
        {
            file, output, keys,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), parsed.GetRequiredValue(output), parsed.GetValue(keys)));
        return command;
    }

    private static int Run(string file, string output, string? keys)
    {
        TrustedKeys? trusted = null;
        if (keys is not null)
        {
            Either<string, TrustedKeys> read = VerifyCommand.ReadKeys(keys);
            if (read.IsLeft) return Complaint.Exit(ExitCode.BadInput, read.Match(static _ => "", static problem => problem));
            trusted = (TrustedKeys)read;
        }
        return ReportSource.Load(file, trusted).Match(
            Right: source => Write(source, file, output),
            Left: static problem => Complaint.Exit(problem.Exit, problem.Text));
    }

    private static int Write(ReportSource source, string file, string output)
    {
        if (ReportFile.Write(output, page => ReportPage.Write(source, page)) is { } problem) return Complaint.Exit(ExitCode.Failed, problem);
        return source.Verification is Verification.Fails { Fault: var fault }
            ? Complaint.Exit(ExitCode.Failed, $"{file}: {fault} ({output} says so too)")
            : ExitCode.Done;
    }
}
