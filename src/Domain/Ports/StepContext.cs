using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Ports;

/// <summary>What comes in with every input of a core: the time, and a seed from which the step draws all its randomness.</summary>
/// <param name="Now">The node's clock.</param>
/// <param name="Wall">For the people who read events; decides nothing.</param>
/// <param name="Seed">32 fresh random bytes, good for this step only; the shell releases it afterwards.</param>
/// <param name="Serves">False while a gateway node holds no lease: it grants nothing and answers nobody (REQ-PARTITION-2).</param>
public readonly record struct StepContext(Instant Now, WallTime Wall, SecretHandle Seed, bool Serves = true);
