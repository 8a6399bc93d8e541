namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>There is no room for another secret: the arena's bound is reached, or the kernel will not lock more memory.</summary>
public sealed class SecretMemoryException(string message) : Exception(message);
