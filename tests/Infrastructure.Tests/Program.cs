using JumpingVpn.Infrastructure.Tests.EventStore;
using JumpingVpn.Node.Lab.Postgres;

namespace JumpingVpn.Infrastructure.Tests;

/// <summary>The processes that tests start in order to kill them: `dotnet JumpingVpn.Infrastructure.Tests.dll NAME ARGUMENTS`.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is ["postgres-victim"])
        {
            using PostgresServer server = PostgresServer.Start();
            await Console.Out.WriteLineAsync($"{server.ProcessId} {server.SocketDirectory}");
            await Task.Delay(Timeout.Infinite);
        }
        if (arguments is not ["store-victim", var directory, var seed, "everything" or "only-append" or "go-on"])
        {
            await Console.Error.WriteLineAsync("usage: store-victim DIRECTORY SEED everything|only-append|go-on, or postgres-victim");
            return 2;
        }
        await StoreVictim.Run(directory, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture), arguments[3]);
        return 0;
    }
}
