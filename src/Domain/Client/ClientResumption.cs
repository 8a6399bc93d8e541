using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// What a client keeps on disk to go on with its session after a restart: never traffic keys. Written before anything
/// that it promises is used.
/// </summary>
/// <param name="Gateway">Whose session it is; another gateway key makes the file useless.</param>
/// <param name="Root">The root secret's handle.</param>
/// <param name="NonceReservedUpTo">Nonces below this may have been used by this or an earlier start.</param>
/// <param name="Instances">The instance ids under which this host has held the session, newest last; bounded.</param>
public sealed record ClientResumption(
    PublicKey Gateway, SessionId Session, SecretHandle Root, ReadOnlyMemory<byte> Ticket, ulong BindingVersion, ulong NonceReservedUpTo,
    System.Collections.Immutable.ImmutableArray<InstanceId> Instances)
{
    /// <summary>More starts than these within one session's life are possible, but only the newest can still be bound.</summary>
    public const int MaxInstances = 16;
}
