namespace JumpingVpn.Node.Running;

/// <summary>A node that cannot start, in one line. Thrown while it is being composed, caught where the process decides its exit code.</summary>
/// <param name="isConfiguration">The command line, the configuration or a file that it names is wrong (exit 2); otherwise the work failed (exit 1).</param>
internal sealed class StartFailure(string message, bool isConfiguration) : Exception(message)
{
    public bool IsConfiguration { get; } = isConfiguration;

    public static StartFailure Configuration(string message) => new(message, true);

    public static StartFailure Work(string message) => new(message, false);
}
