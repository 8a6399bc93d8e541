using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Simulation.Tests.Network;

/// <summary>Whose work a datagram is.</summary>
internal enum Origin
{
    /// <summary>A node sent it; the network may have delayed or doubled it.</summary>
    Genuine,

    /// <summary>An attacker sends a recorded one once more, unchanged.</summary>
    Replayed,

    /// <summary>An attacker has changed a recorded one where it is protected.</summary>
    Altered,

    /// <summary>An attacker made it up.</summary>
    Invented,
}

/// <summary>A datagram on the wire, with the addresses as the wire shows them.</summary>
internal sealed record Datagram(byte[] Bytes, Endpoint From, Endpoint To, Origin Origin = Origin.Genuine)
{
    public MessageType Type => Bytes.Length == 0 ? 0 : (MessageType)Bytes[0];

    public override string ToString() => $"{(Origin == Origin.Genuine ? "" : Origin + " ")}{Type} {Bytes.Length} B {From} -> {To}";
}

/// <summary>What became of a send, as the kernel would tell the sender.</summary>
internal enum SendResult
{
    Sent,

    /// <summary>No device, no address.</summary>
    Unsendable,

    /// <summary>EMSGSIZE.</summary>
    TooBig,
}
