using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Replay.Reports;

/// <summary>What a step changed in the session: a name, what it was, what it is.</summary>
internal static class ReportChanges
{
    private static readonly (string Name, Func<Session, string> Read)[] Members =
    [
        ("state", static session => session.State.ToString()),
        ("transport", static session => session.Transport.Match(
            static bound => $"{bound.Remote} -> {bound.Local} at {bound.Node}, path {bound.Path.Value}, id {bound.Id}", static () => "none")),
        ("owner", static session => session.Owner.Match(static owner => owner.ToString(), static () => "none")),
        ("ownership epoch", static session => Number(session.OwnershipEpoch)),
        ("binding version", static session => Number(session.BindingVersion)),
        ("key epoch", static session => Number(session.KeyEpoch)),
        ("last nonce", static session => Number(session.LastNonce)),
        ("jumps", static session => Number(session.Switches)),
        ("recovery deadline", static session => Service(session.RecoveryDeadline)),
        ("client", static session => session.ClientName.IfNone(() => session.Client.ToString())),
        ("addresses", static session => session.Addresses.ToString()),
        ("client's process", static session => session.Instance.ToString()),
        ("expires", static session => Service(session.ExpiresAt)),
        ("policy", static session => session.PolicyHash.ToString()),
    ];

    /// <summary>Without a session before there is nothing to compare with: all that is known is new.</summary>
    public static IEnumerable<(string Name, string Before, string After)> Of(IncidentStep step)
    {
        foreach ((string name, Func<Session, string> read) in Members)
        {
            string before = step.Before is { } known ? read(known) : step.Happened is null ? "not here" : "-";
            string after = read(step.After);
            if (before != after) yield return (name, before, after);
        }
    }

    /// <summary>An instant of the store's service clock, in seconds.</summary>
    public static string Service(Instant at) => at.ToString();

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
