using System.Globalization;
using System.Text;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Infrastructure.Telemetry;

/// <summary>A session's transition in one line: id, version, from -> to, reason, transport, and what changed.</summary>
public static class TransitionLine
{
    /// <summary>
    /// The line for a step from <paramref name="before"/> to <paramref name="after"/>.
    /// <paramref name="uplink"/> names the client's
    /// device where it is known.
    /// </summary>
    public static string Of(Session before, Session after, string? uplink = null)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return Of(
            after.Id.ToString(), after.Version, before.State.ToString(), after.State.ToString(), ReasonCodes.Name(after.LastReason),
            TransportOf(after, uplink), ChangesOf(before, after));
    }

    /// <summary>The line from its parts, for a client that mirrors what its gateway tells it.</summary>
    public static string Of(string session, ulong version, string from, string to, string reason, string transport, string changes) =>
        string.Create(CultureInfo.InvariantCulture, $"session {session} v{version} {from} -> {to} {reason} transport {transport}")
        + (changes.Length > 0 ? $" ({changes})" : "");

    private static string TransportOf(Session session, string? uplink) => session.Transport.Match(
        transport => $"{(uplink is null ? "" : uplink + " ")}{transport.Local} - {transport.Remote}",
        () => "none");

    private static string ChangesOf(Session before, Session after)
    {
        var changes = new StringBuilder();
        void Add(string what)
        {
            if (changes.Length > 0) changes.Append(", ");
            changes.Append(what);
        }

        if (before.State == SessionState.Birth) Add(after.ClientName.Match(name => "client " + name, () => $"client {after.Client}"));
        if (RemoteOf(before) != RemoteOf(after)) Add($"remote {RemoteOf(before)} -> {RemoteOf(after)}");
        if (before.BindingVersion != after.BindingVersion) Add(string.Create(CultureInfo.InvariantCulture, $"binding {before.BindingVersion} -> {after.BindingVersion}"));
        if (before.KeyEpoch != after.KeyEpoch) Add(string.Create(CultureInfo.InvariantCulture, $"key epoch {before.KeyEpoch} -> {after.KeyEpoch}"));
        if (before.OwnershipEpoch != after.OwnershipEpoch)
            Add(string.Create(CultureInfo.InvariantCulture, $"owner {NameOf(before)} -> {NameOf(after)}, ownership epoch {before.OwnershipEpoch} -> {after.OwnershipEpoch}"));
        else if (NameOf(before) != NameOf(after)) Add($"owner {NameOf(before)} -> {NameOf(after)}");
        return changes.ToString();
    }

    private static string RemoteOf(Session session) => session.Transport.Match(t => t.Remote.ToString(), () => "none");

    private static string NameOf(Session session) => session.Owner.Match(owner => owner.Node, () => "none");
}
