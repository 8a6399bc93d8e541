namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>
/// How to start this very program again, whether it runs from its own executable, by `dotnet` or inside a test host. Tests and
/// benchmarks name the launcher's build instead, which is what people run.
/// </summary>
public static class NodeProgram
{
    /// <summary>Names the executable to start instead.</summary>
    public const string Override = "JUMPING_VPN_PROGRAM";

    private static readonly string? Named = Environment.GetEnvironmentVariable(Override) is { Length: > 0 } file ? file : null;

    /// <summary>The file to execute.</summary>
    public static string File { get; } = Named ?? (System.IO.File.Exists(AppHost) ? AppHost : DotnetHost);

    /// <summary>The arguments that come before the node's own.</summary>
    public static IReadOnlyList<string> LeadingArguments { get; } = Named is not null || System.IO.File.Exists(AppHost) ? [] : [Library];

    private static string Library => typeof(NodeProgram).Assembly.Location;

    private static string AppHost => Path.ChangeExtension(Library, null);

    private static string DotnetHost =>
        Path.GetFileName(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
}
