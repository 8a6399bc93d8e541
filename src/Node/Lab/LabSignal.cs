namespace JumpingVpn.Node.Lab;

/// <summary>Signal numbers of Linux (signal(7)).</summary>
public static class LabSignal
{
    public const int Interrupt = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;
}
