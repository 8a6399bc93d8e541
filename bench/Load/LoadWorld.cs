using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Bench.Load;

/// <summary>Sends a datagram of a client to a node, 1 or 2.</summary>
internal delegate void LoadSend(LoadClient client, int node, ReadOnlySpan<byte> datagram);

/// <summary>What all clients of a load share.</summary>
internal sealed class LoadWorld(SodiumCryptography crypto, PublicKey gateway, LoadSend send)
{
    public SodiumCryptography Crypto => crypto;

    public PublicKey Gateway => gateway;

    public AddressKeys AddressKeys { get; } = AddressKeys.Derive(crypto, gateway);

    /// <summary>Seeded: two runs stagger their clients in the same way.</summary>
    public Random Random { get; } = new(1);

    public LoadSend Send => send;

    /// <summary>Clients that wait for something.</summary>
    public int Busy { get; set; }
}
