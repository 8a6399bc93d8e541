using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>One PostgreSQL server for the tests of a class; it starts with the first that needs it.</summary>
public sealed class DatabaseServer : IDisposable
{
    private readonly Lazy<PostgresServer> primary = new(() => PostgresServer.Start());

    internal PostgresServer Primary => primary.Value;

    public void Dispose()
    {
        if (primary.IsValueCreated) primary.Value.Dispose();
    }
}
