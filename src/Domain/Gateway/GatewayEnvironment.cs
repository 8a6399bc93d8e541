using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Gateway;

/// <summary>
/// What does not change while a gateway core runs; in a cluster the shell exchanges <paramref name="Registry"/> when it has changed, and
/// <paramref name="Self"/> when the node has been fenced and comes back, and tells the core so.
/// </summary>
/// <param name="Identity">The cluster's static key pair.</param>
/// <param name="PolicyHash">Hash of <paramref name="Policy"/>'s canonical form; stands in every event.</param>
/// <param name="Self">This node in this incarnation.</param>
/// <param name="Suites">What this host accelerates.</param>
/// <param name="InnerMtu">Largest inner packet, in bytes.</param>
/// <param name="TokenSecret">Marks reattach tokens; fresh for every start of the process.</param>
/// <param name="IsCluster">
/// The store is shared: sessions are loaded when they are asked for, and another owner must be proven gone. Otherwise the
/// store's lock proves that there is no other.
/// </param>
/// <param name="HalfOpenHandshakes">Half-open handshakes at most. The node's own affair: no event holds it, and no replay needs it.</param>
public sealed record GatewayEnvironment(
    ICryptography Crypto, NoiseKeyPair Identity, ClusterKeys ClusterKeys, ClientRegistry Registry, SessionPolicy Policy, Hash256 PolicyHash,
    Owner Self, byte Suites, ushort InnerMtu, SecretHandle TokenSecret, bool IsCluster = false,
    int HalfOpenHandshakes = GatewayLimits.HalfOpenHandshakes);
