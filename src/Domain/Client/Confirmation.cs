using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Protocol.Messages;

namespace JumpingVpn.Domain.Client;

/// <summary>CONFIRM as the client makes it.</summary>
internal static class Confirmation
{
    /// <summary>Seals the token (zeros for a handshake) under the new epoch's control key, counter 0, with the header as associated data.</summary>
    public static byte[] Seal(ICryptography crypto, SecretHandle clientControl, uint remoteIndex, ReadOnlySpan<byte> token)
    {
        byte[] datagram = new byte[Confirm.Size];
        Confirm.WriteHeader(datagram, remoteIndex);
        crypto.Seal(clientControl, 0, datagram.AsSpan(0, Confirm.HeaderSize), token, datagram.AsSpan(Confirm.HeaderSize));
        return datagram;
    }
}
