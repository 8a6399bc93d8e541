namespace JumpingVpn.Replay;

/// <summary>Errors go to standard error, one line each.</summary>
internal static class Complaint
{
    public static int Exit(int code, string problem)
    {
        Console.Error.WriteLine("replay: " + Printable.OneLine(problem));
        return code;
    }
}
