using System.Collections.Immutable;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol.Noise;

namespace JumpingVpn.Domain.Client;

/// <summary>What does not change while a client core runs. The secrets are borrowed: the shell releases them after the last step.</summary>
/// <param name="Identity">The client's static key pair.</param>
/// <param name="Gateway">The gateway cluster's static key.</param>
/// <param name="PresharedKey">None where none is configured.</param>
/// <param name="AllowedPrefixes">What is routed into the tunnel, and what inner packets may come from.</param>
/// <param name="Suites">Offer: what this host accelerates (see <see cref="Protocol.CipherSuites"/>).</param>
/// <param name="KeepsState">A state file is configured: nonces are reserved on disk and the session outlives the process.</param>
public sealed record ClientEnvironment(
    ICryptography Crypto, NoiseKeyPair Identity, PublicKey Gateway, SecretHandle PresharedKey, ImmutableArray<IpPrefix> AllowedPrefixes,
    byte Suites, bool KeepsState);
