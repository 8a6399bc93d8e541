namespace JumpingVpn.Domain.Ports;

/// <summary>
/// Names a 32-byte secret that lives in the crypto adapter's locked memory. The Domain passes handles and never sees
/// the bytes; releasing one zeroes them. The generation makes a stale handle an error instead of another's key.
/// </summary>
public readonly record struct SecretHandle(int Slot, uint Generation)
{
    /// <summary>No secret.</summary>
    public static readonly SecretHandle None = default;

    public bool IsNone => Generation == 0;

    /// <summary>Never the secret: only which slot it is in.</summary>
    public override string ToString() => IsNone ? "secret(none)" : $"secret({Slot})";
}
