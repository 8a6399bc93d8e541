namespace JumpingVpn.Node.Cli;

/// <summary>Errors go to standard error, one line each, and begin with the program's name.</summary>
public static class Complaint
{
    public static void Write(string problem) => Console.Error.WriteLine("jumping-vpn: " + Printable.OneLine(problem));

    /// <summary>Writes and gives the exit code back.</summary>
    public static int Exit(int code, string problem)
    {
        Write(problem);
        return code;
    }
}
