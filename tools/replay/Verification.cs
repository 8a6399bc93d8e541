using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Audit;
using LanguageExt;

namespace JumpingVpn.Replay;

/// <summary>What became of the check of one file.</summary>
public abstract record Verification
{
    private Verification()
    {
    }

    /// <summary>All of it holds.</summary>
    public sealed record Holds(IncidentSummary Summary) : Verification;

    /// <summary>It can be read and does not hold.</summary>
    public sealed record Fails(IncidentFault Fault) : Verification;

    /// <summary>It cannot be read: one line that names it.</summary>
    public sealed record Unreadable(string Problem) : Verification;

    /// <summary>Checks a file as it streams by.</summary>
    public static Verification Of(string file, TrustedKeys? trusted)
    {
        Either<string, IncidentFileReader> opened = IncidentFileReader.Open(file);
        if (opened.IsLeft) return opened.Match<Verification>(Right: static _ => throw new InvalidOperationException(), Left: static problem => new Unreadable(problem));
        using var reader = (IncidentFileReader)opened;
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, trusted);
        while (reader.Read() && check.Take(reader.Line, reader.Digest))
        {
        }
        if (reader.Fault is { } damaged) return new Unreadable(damaged);
        if (check.Finish() is { } summary) return new Holds(summary);
        return check.IsUnreadable ? new Unreadable($"{file}: {check.Fault}") : new Fails(check.Fault!);
    }
}
