using System.CommandLine;
using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using LanguageExt;

namespace JumpingVpn.Replay;

/// <summary>`verify`: does the file hold?</summary>
internal static class VerifyCommand
{
    public static Command Make()
    {
        var files = new Argument<string[]>("FILE") { Description = "Incident files.", Arity = ArgumentArity.OneOrMore };
        var keys = new System.CommandLine.Option<string?>("--keys") { HelpName = "FILE", Description = "Public audit keys to trust, one a line, each optionally with its node's name." };
        var command = new Command(
            "verify", "Check chain, signatures, gaps, invariants and determinism. Exit code 0 only if all of it holds; 1 with the first fault; 2 for a file that cannot be read.")
        {
            files, keys,
        };
        command.SetAction(parsed => Run(parsed.GetValue(files) ?? [], parsed.GetValue(keys)));
        return command;
    }

    private static int Run(string[] files, string? keys)
    {
        TrustedKeys? trusted = null;
        if (keys is not null)
        {
            Either<string, TrustedKeys> read = ReadKeys(keys);
            if (read.IsLeft) return Complaint.Exit(ExitCode.BadInput, read.Match(static _ => "", static problem => problem));
            trusted = (TrustedKeys)read;
        }
        int worst = ExitCode.Done;
        foreach (string file in files) worst = Math.Max(worst, Report(file, Verification.Of(file, trusted), trusted is not null));
        return worst;
    }

    private static int Report(string file, Verification verification, bool hasTrusted)
    {
        TextWriter output = Console.Out;
        string name = Printable.OneLine(file);
        switch (verification)
        {
            case Verification.Unreadable unreadable:
                return Complaint.Exit(ExitCode.BadInput, unreadable.Problem);
            case Verification.Fails { Fault: var fault }:
                output.WriteLine(Ink.Bad("FAILS") + $"      {name}");
                output.WriteLine("  first fault  " + Printable.OneLine(fault.ToString()));
                if (fault.Divergence is { } divergence)
                {
                    output.WriteLine("  command      " + Printable.OneLine(divergence.Command));
                    output.WriteLine("  before       " + Printable.OneLine(divergence.Before));
                    output.WriteLine("  recorded     " + Printable.OneLine(divergence.Recorded));
                    output.WriteLine("  recomputed   " + Printable.OneLine(divergence.Recomputed));
                }
                return ExitCode.Failed;
            case Verification.Holds { Summary: var summary }:
                output.WriteLine((hasTrusted ? Ink.Good("HOLDS") + "      " : Ink.Doubt("UNTRUSTED") + "  ") + name);
                output.WriteLine($"  session      {summary.Session}");
                output.WriteLine($"  events       {summary.Events} up to version {summary.LastVersion}, decided again from their causes to the byte; {summary.Snapshots} snapshots");
                output.WriteLine($"  evidence     {summary.Evidence} records in {summary.Parts} {(summary.Parts == 1 ? "part" : "parts")}");
                foreach (IncidentRecord.Gap gap in summary.Gaps)
                    output.WriteLine(Printable.OneLine(
                        $"  missing      versions {gap.From} to {gap.To}{(gap.HeldBy.Length > 0 ? ", held by " + gap.HeldBy : "")}: {gap.Note}"));
                foreach (UsedKey key in summary.Keys)
                    output.WriteLine(Printable.OneLine($"  signed by    {key.Node}  {key.Key.Fingerprint}  {(key.IsTrusted ? "trusted" : "not known to be " + key.Node + "'s")}"));
                if (!hasTrusted) output.WriteLine("  The content is whole and agrees with these keys. Whose keys they are is not known here: compare the fingerprints, or give --keys.");
                return ExitCode.Done;
            default:
                throw new InvalidOperationException("a verification that is none of the known ones");
        }
    }

    /// <summary>The keys of a file; Left, in one line that names it, if it is none.</summary>
    internal static Either<string, TrustedKeys> ReadKeys(string file)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > 1 << 20 }) return $"{file}: too long for a file of keys";
            return TrustedKeys.Parse(File.ReadAllText(file)).MapLeft(problem => $"{file}: {problem}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e is FileNotFoundException or DirectoryNotFoundException ? $"{file}: no such file" : $"{file}: {e.Message}";
        }
    }
}
