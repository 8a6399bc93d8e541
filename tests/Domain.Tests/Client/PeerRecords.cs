using System.Buffers.Binary;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>What the scripted gateway keeps of its session.</summary>
internal sealed class PeerSession
{
    public required SessionId Id { get; init; }

    public required SessionSecrets Secrets { get; init; }

    public InstanceId Instance { get; set; }

    public ulong Version { get; set; }

    public ulong BindingVersion { get; set; }

    public ulong OwnershipEpoch { get; set; } = 1;

    public uint KeyEpoch { get; set; }

    public ulong LastNonce { get; set; }

    public bool IsGone { get; set; }
}

internal sealed class PeerEpoch
{
    public required uint LocalIndex { get; init; }

    public required uint RemoteIndex { get; init; }

    public TransportAddress Transport { get; set; }

    public required byte[] Bound { get; init; }

    public required EpochMark Mark { get; init; }

    public ulong Sent { get; set; }

    public ulong HighestReceived { get; set; }

    public ulong Received { get; set; }
}

/// <summary>Stands for an epoch's two data keys without naming them: both ends must come to the same one.</summary>
internal readonly record struct EpochMark(UInt128 FromGateway, UInt128 FromClient)
{
    public static EpochMark Of(ICryptography crypto, SecretHandle fromGateway, SecretHandle fromClient) => new(One(crypto, fromGateway), One(crypto, fromClient));

    private static UInt128 One(ICryptography crypto, SecretHandle key)
    {
        Span<byte> mac = stackalloc byte[16];
        crypto.Mac(key, "mark"u8, mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }
}
