using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>Where a session's packets go and under which epoch. Immutable; a new one is published by one reference write.</summary>
/// <param name="Socket">Null if the socket was unknown when the epoch was bound: nothing can be sent.</param>
internal sealed record Binding(KeyEpoch Epoch, SocketEntry? Socket, PacketSource Transport);

/// <summary>A transport as packets are compared with it.</summary>
internal sealed class PacketSource(TransportAddress address)
{
    public TransportAddress Address { get; } = address;

    /// <summary>True if a packet came this way. The local address counts where both sides know it.</summary>
    public bool Matches(int socket, in Endpoint remote, UInt128 local) =>
        Address.Socket == socket
        && Address.Remote.Port == remote.Port
        && Address.Remote.Address == remote.Address
        && (Address.Local.IsUnspecified || local == UInt128.Zero || Address.Local.Address == local);
}
