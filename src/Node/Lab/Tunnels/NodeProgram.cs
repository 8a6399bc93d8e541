namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>How to start this very program again, whether it runs from its own executable, by `dotnet` or inside a test host.</summary>
public static class NodeProgram
{
    /// <summary>The file to execute.</summary>
    public static string File { get; } = System.IO.File.Exists(AppHost) ? AppHost : DotnetHost;

    /// <summary>The arguments that come before the node's own.</summary>
    public static IReadOnlyList<string> LeadingArguments { get; } = System.IO.File.Exists(AppHost) ? [] : [Library];

    private static string Library => typeof(NodeProgram).Assembly.Location;

    private static string AppHost => Path.ChangeExtension(Library, null);

    private static string DotnetHost =>
        Path.GetFileName(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
}
