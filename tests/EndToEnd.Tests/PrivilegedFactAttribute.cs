using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Postgres;

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

/// <summary>A test that starts a PostgreSQL server too.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterFactAttribute : FactAttribute
{
    public ClusterFactAttribute() => Skip = Privilege.ClusterSkipReason;
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterTheoryAttribute : TheoryAttribute
{
    public ClusterTheoryAttribute() => Skip = Privilege.ClusterSkipReason;
}

internal static class Privilege
{
    public static string? ClusterSkipReason { get; } = Environment.GetEnvironmentVariable("CI") == "true" ? null : LabRequirements.Missing() ?? PostgresPrograms.Missing;

    public static string? SkipReason { get; } = Environment.GetEnvironmentVariable("CI") == "true" ? null : LabRequirements.Missing();
}
