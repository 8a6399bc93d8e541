using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Protocol.Messages;

/// <summary>
/// BOUND: the commit's answer, sealed under the new epoch's control key. It brings all that a client must know of its
/// session, so that a reattach also carries a changed policy, address or ticket.
/// </summary>
/// <param name="Version">The session's version after the commit.</param>
/// <param name="BindingVersion">The version of the event that bound this transport.</param>
/// <param name="KeyEpoch">The number that the epoch got at commit.</param>
/// <param name="State">1 Attached, 3 Degraded (numbers of the session states).</param>
/// <param name="OldEnd">One more than the last counter that the gateway sent under the old epoch; 0 if there was none.</param>
/// <param name="Nonce">The committed nonce; 0 for a handshake.</param>
/// <param name="Instance">The client instance that is bound now.</param>
/// <param name="RemainingMilliseconds">Until the session's lifetime is over.</param>
/// <param name="InnerMtu">Largest inner packet of the tunnel, in bytes.</param>
public sealed record Bound(
    ulong Version, ulong BindingVersion, ulong OwnershipEpoch, uint KeyEpoch, byte State, ulong OldEnd, ulong Nonce,
    InstanceId Instance, ulong RemainingMilliseconds, ushort InnerMtu, ImmutableArray<IpPrefix> Addresses,
    SessionPolicy Policy, ReadOnlyMemory<byte> Ticket)
{
    public const int HeaderSize = 8;
    private const int AddressSize = 18;
    public const int PlaintextSize =
        5 * 8 + 4 + 4 + InstanceId.Size + 8 + 4 + ProtocolConstants.MaxTunnelAddresses * AddressSize + PolicyBlock.Size + Protocol.Ticket.Size;

    /// <summary>Size of the datagram.</summary>
    public const int Size = HeaderSize + PlaintextSize + ICryptography.TagSize;

    public static uint ReceiverIndex(ReadOnlySpan<byte> datagram) => Field.U32(datagram, 4);

    public static void WriteHeader(Span<byte> datagram, uint receiverIndex)
    {
        var writer = new WireWriter(datagram[..HeaderSize]);
        writer.Prefix(MessageType.Bound);
        writer.U32(receiverIndex);
    }

    public void WritePlaintext(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes[..PlaintextSize]);
        writer.U64(Version);
        writer.U64(BindingVersion);
        writer.U64(OwnershipEpoch);
        writer.U64(OldEnd);
        writer.U64(Nonce);
        writer.U32(KeyEpoch);
        writer.U8(State);
        writer.U8((byte)Addresses.Length);
        writer.Zero(2);
        Instance.Write(writer.Next(InstanceId.Size));
        writer.U64(RemainingMilliseconds);
        writer.U16(InnerMtu);
        writer.Zero(2);
        foreach (IpPrefix address in Addresses)
        {
            writer.U8(address.IsIPv4 ? (byte)4 : (byte)6);
            writer.U8(address.Length);
            new Hash128(address.Address).Write(writer.Next(16));
        }
        writer.Zero((ProtocolConstants.MaxTunnelAddresses - Addresses.Length) * AddressSize);
        PolicyBlock.Write(writer.Next(PolicyBlock.Size), Policy);
        writer.Bytes(Ticket.Span[..Protocol.Ticket.Size]);
    }

    public static bool TryReadPlaintext(ReadOnlySpan<byte> bytes, out Bound bound)
    {
        bound = null!;
        if (bytes.Length != PlaintextSize) return false;
        var reader = new WireReader(bytes);
        ulong version = reader.U64(), binding = reader.U64(), ownership = reader.U64(), oldEnd = reader.U64(), nonce = reader.U64();
        uint epoch = reader.U32();
        byte state = reader.U8(), count = reader.U8();
        if (!reader.Zero(2) || count > ProtocolConstants.MaxTunnelAddresses) return false;
        var instance = InstanceId.Read(reader.Take(InstanceId.Size));
        ulong remaining = reader.U64();
        ushort mtu = reader.U16();
        if (!reader.Zero(2)) return false;
        var addresses = ImmutableArray.CreateBuilder<IpPrefix>(count);
        for (int i = 0; i < ProtocolConstants.MaxTunnelAddresses; i++)
        {
            byte family = reader.U8(), length = reader.U8();
            UInt128 address = Hash128.Read(reader.Take(16)).Value;
            if (i >= count) continue;
            if (family is not (4 or 6) || length > (family == 4 ? 32 : 128)) return false;
            addresses.Add(new(address, length, family == 4));
        }
        SessionPolicy policy = PolicyBlock.Read(reader.Take(PolicyBlock.Size));
        bound = new(version, binding, ownership, epoch, state, oldEnd, nonce, instance, remaining, mtu, addresses.MoveToImmutable(), policy,
            reader.Take(Protocol.Ticket.Size).ToArray());
        return true;
    }

    private readonly record struct Hash128(UInt128 Value)
    {
        public static Hash128 Read(ReadOnlySpan<byte> bytes) => new(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes));

        public void Write(Span<byte> bytes) => System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
    }
}
