namespace JumpingVpn.Domain.Ownership;

/// <summary>Who enters a store that several nodes share.</summary>
/// <param name="Node">The node's name, unique in its cluster.</param>
/// <param name="Place">
/// Machine, boot and lock file of the process. Who enters holds that lock: an earlier incarnation of the node from the same place is
/// dead. Empty where that cannot be said; it matches nothing.
/// </param>
/// <param name="Where">The host's name, for messages.</param>
public sealed record NodeIdentity(string Node, string Place, string Where);
