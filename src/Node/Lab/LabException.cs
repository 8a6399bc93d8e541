namespace JumpingVpn.Node.Lab;

/// <summary>Something in the lab could not be set up, or a fault did not take hold. The message is one line.</summary>
public sealed class LabException : Exception
{
    public LabException(string message)
        : base(message)
    {
    }

    public LabException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
