using System.Text;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Audit;
using LanguageExt;

namespace JumpingVpn.Replay.Reports;

/// <summary>Why there is no page.</summary>
internal sealed record ReportProblem(int Exit, string Text);

/// <summary>What a page is made of. File and check come from one reading, so what is shown is what was checked.</summary>
/// <param name="Name">The incident file's name, without its directory.</param>
/// <param name="Verification">Holds or fails.</param>
/// <param name="HasTrusted">True if the reader has said whom to trust.</param>
internal sealed record ReportSource(string Name, Verification Verification, Incident Incident, bool HasTrusted)
{
    /// <summary>Left for a file that cannot be read, and for one that fails so badly that nothing can be shown of it.</summary>
    public static Either<ReportProblem, ReportSource> Load(string file, TrustedKeys? trusted)
    {
        Either<string, IncidentFileReader> opened = IncidentFileReader.Open(file);
        if (opened.IsLeft) return Unreadable(opened.Match(Right: static _ => "", Left: static problem => problem));
        using var reader = (IncidentFileReader)opened;
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, trusted);
        var gathering = new IncidentGathering();
        string? misplaced = null;
        while (misplaced is null && reader.Read())
        {
            // After the first fault the rest is only shown.
            check.Take(reader.Line, reader.Digest);
            misplaced = IncidentJson.Read(Encoding.UTF8.GetString(reader.Line)).MatchUnsafe<string?>(Right: gathering.Add, Left: static reason => reason);
        }
        if (reader.Fault is { } damaged) return Unreadable(damaged);
        if (misplaced is not null) return Unreadable($"{file}: {misplaced}");
        IncidentSummary? summary = check.Finish();
        if (check.IsUnreadable) return Unreadable($"{file}: {check.Fault}");
        Verification verification = summary is not null ? new Verification.Holds(summary) : new Verification.Fails(check.Fault!);
        return gathering.Finish().Match<Either<ReportProblem, ReportSource>>(
            Right: incident => new ReportSource(Path.GetFileName(file), verification, incident, trusted is not null),
            Left: reason => check.Fault is { } fault ? new ReportProblem(ExitCode.Failed, $"{file}: {fault}") : Unreadable($"{file}: {reason}"));
    }

    private static ReportProblem Unreadable(string problem) => new(ExitCode.BadInput, problem);
}
