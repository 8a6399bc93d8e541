using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit;

/// <summary>
/// An event as its author hands it to the store: everything but its place in the stream (version, predecessor's hash), which
/// the store gives it when it commits.
/// </summary>
/// <param name="Alias">
/// The event's stored name in lower snake case, such as `session_established`: storage format, an explicit constant, never
/// derived from a type's name.
/// </param>
/// <param name="Time">The service clock's instant at which the event was decided.</param>
/// <param name="Wall">The wall clock at that moment, for readers only.</param>
/// <param name="Reason">The transition's reason code in UPPER_SNAKE_CASE.</param>
/// <param name="Cause">The command that caused the event; null for what no command caused.</param>
/// <param name="PolicyHash">SHA-256 of the policy under which it was decided.</param>
/// <param name="Node">The node that decided it.</param>
/// <param name="Incarnation">That node's incarnation.</param>
/// <param name="OwnershipEpoch">The session's ownership epoch after the event.</param>
/// <param name="Data">The event's own members.</param>
public sealed record EventDraft(
    string Alias,
    Instant Time,
    WallTime Wall,
    string Reason,
    CanonicalJson Cause,
    Hash256 PolicyHash,
    string Node,
    IncarnationId Incarnation,
    long OwnershipEpoch,
    CanonicalJson Data)
{
    /// <summary>The longest alias, reason or node name, in characters.</summary>
    public const int MaxNameLength = 100;

    /// <summary>What is wrong with the names, or null: alias and reason have their case, all three are short and not empty.</summary>
    internal string? Fault() =>
        !IsSnake(Alias, 'a', 'z') ? $"the alias {Alias} is not lower snake case"
        : !IsSnake(Reason, 'A', 'Z') ? $"the reason {Reason} is not upper snake case"
        : Node.Length is 0 or > MaxNameLength ? "the node's name is empty or too long"
        : null;

    private static bool IsSnake(string text, char first, char last)
    {
        if (text.Length is 0 or > MaxNameLength || text[0] < first || text[0] > last) return false;
        foreach (char c in text)
            if (!(c >= first && c <= last) && !char.IsAsciiDigit(c) && c != '_') return false;
        return true;
    }
}
