using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>How notices travel: one channel for each incarnation and one for all, and a word or two as payload.</summary>
internal static class PostgresChannels
{
    /// <summary>The prefix of an incarnation's channel, for statements that put it together.</summary>
    public const string Prefix = "jv_";

    public const string WantedPrefix = "wanted ";

    public const string ReleasedPrefix = "released ";

    public const string RegistryChanged = "registry";

    public static string Of(IncarnationId incarnation) => Prefix + incarnation;

    /// <summary>Channels belong to a database, which may hold several stores.</summary>
    public static string OfAll(string schema) => schema + "_all";

    public static string Released(SessionId session) => ReleasedPrefix + session;

    /// <summary>Null for what is no notice: anybody in the database can send one.</summary>
    public static ClusterNotice? Read(string payload)
    {
        if (payload == RegistryChanged) return new ClusterNotice.RegistryChanged();
        if (payload.StartsWith(WantedPrefix, StringComparison.Ordinal) && SessionId.TryParse(payload[WantedPrefix.Length..], out SessionId wanted))
            return new ClusterNotice.Wanted(wanted);
        if (payload.StartsWith(ReleasedPrefix, StringComparison.Ordinal) && SessionId.TryParse(payload[ReleasedPrefix.Length..], out SessionId released))
            return new ClusterNotice.Released(released);
        return null;
    }
}
