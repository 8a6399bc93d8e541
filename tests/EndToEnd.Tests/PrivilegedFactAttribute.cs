using JumpingVpn.Node.Lab;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>
/// A test that makes network namespaces. Without the privilege it is skipped, except where CI=true: there a missing privilege must
/// show as a failure.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PrivilegedFactAttribute : FactAttribute
{
    public PrivilegedFactAttribute() => Skip = Privilege.SkipReason;
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PrivilegedTheoryAttribute : TheoryAttribute
{
    public PrivilegedTheoryAttribute() => Skip = Privilege.SkipReason;
}

internal static class Privilege
{
    public static string? SkipReason { get; } = Environment.GetEnvironmentVariable("CI") == "true" ? null : LabRequirements.Missing();
}
