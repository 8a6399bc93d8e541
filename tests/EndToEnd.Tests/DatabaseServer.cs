using JumpingVpn.Node.Lab.Database;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>One PostgreSQL server for the tests of a class; it starts with the first that needs it.</summary>
public sealed class DatabaseServer : IDisposable
{
    private readonly Lazy<LabDatabase> primary = new(() => LabDatabase.Start());

    internal LabDatabase Primary => primary.Value;

    public void Dispose()
    {
        if (primary.IsValueCreated) primary.Value.Dispose();
    }
}
