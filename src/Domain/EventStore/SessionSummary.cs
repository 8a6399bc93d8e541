using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.EventStore;

/// <summary>
/// What the store keeps of a session beside its events, written in the same transaction, so that sessions can be listed,
/// owned and ended by their deadlines without loading their streams.
/// </summary>
/// <param name="Client">The client's public key. A session never changes it.</param>
/// <param name="State">The state's name, such as `Attached`.</param>
/// <param name="Ended">True once the session is Terminated. No event follows.</param>
/// <param name="Owner">None while nobody owns the session.</param>
/// <param name="OwnershipEpoch">The ownership epoch.</param>
/// <param name="RecoverBy">When recovery's window closes; <see cref="Instant.Never"/> outside Recovering.</param>
/// <param name="ExpiresAt">When the session's lifetime is over.</param>
public sealed record SessionSummary(
    PublicKey Client, string State, bool Ended, Option<Owner> Owner, long OwnershipEpoch, Instant RecoverBy, Instant ExpiresAt);
