using System.Text.Json;
using JumpingVpn.Node.Lab.Postgres;
using JumpingVpn.Node.Tests.Configuration;

namespace JumpingVpn.Node.Tests.Cli;

/// <summary>The registry of a shared database by the command line, against a real server and without a node.</summary>
public sealed class ClientsCommandTests : IDisposable
{
    private const string Database = "vpn";

    private readonly Example example = new();
    private readonly Lazy<PostgresServer> server = new(static () =>
    {
        var started = PostgresServer.Start();
        started.Sql("postgres", $"CREATE DATABASE {Database}");
        return started;
    });

    public void Dispose()
    {
        example.Dispose();
        if (server.IsValueCreated) server.Value.Dispose();
    }

    [Fact]
    public void Clients_are_added_listed_and_removed()
    {
        string config = Shared();
        Assert.Equal((0, "no client\n", ""), Run("list", "--config", config));
        Assert.Equal((0, "laptop: added\n", ""), Add(config, "laptop", example.ClientKey, "10.77.0.2/32", "10.77.0.8/30"));
        Assert.Equal((0, "Phone: added\n", ""), Add(config, "Phone", example.OtherKey, "10.77.0.3"));

        using JsonDocument listed = JsonDocument.Parse(Run("list", "--config", config, "--json").Output);
        Assert.Equal(["Phone", "laptop"], listed.RootElement.EnumerateArray().Select(client => client.GetProperty("name").GetString()));
        JsonElement laptop = listed.RootElement[1];
        Assert.Equal(example.ClientKey, laptop.GetProperty("public_key").GetString());
        Assert.Equal(["10.77.0.2/32", "10.77.0.8/30"], laptop.GetProperty("addresses").EnumerateArray().Select(address => address.GetString()));
        (int code, string table, string error) = Run("list", "--config", config);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(example.ClientKey, table, StringComparison.Ordinal);
        Assert.Contains("10.77.0.2/32, 10.77.0.8/30", table, StringComparison.Ordinal);

        Assert.Equal((1, "", "jumping-vpn: a client named laptop exists already\n"), Add(config, "laptop", example.Directory.Key("third.key"), "10.77.0.4"));
        Assert.Equal((1, "", "jumping-vpn: 10.77.0.9/32 overlaps 10.77.0.8/30 of client laptop\n"), Add(config, "tablet", example.Directory.Key("fourth.key"), "10.77.0.9"));
        Assert.Equal((0, "laptop: removed\n", ""), Run("remove", "--config", config, "--name", "laptop"));
        Assert.Equal((1, "", "jumping-vpn: there is no client named laptop\n"), Run("remove", "--config", config, "--name", "laptop"));
    }

    [Fact]
    public void Everything_that_is_wrong_with_a_client_is_said_at_once_before_the_database_is_asked()
    {
        string config = example.Directory.Write("node.yaml", example.Shared);
        (int code, string output, string error) = Run(
            "add", "--config", config, "--name", "a b", "--public-key", example.GatewayKey, "--address", "10.88.0.2", "--address", "10.77.0.1", "--address", "10.77.0.2",
            "--address", "10.77.0.2/31", "--address", "10.77.0.5/30");
        Assert.Equal((2, ""), (code, output));
        Assert.Equal(
            [
                "jumping-vpn: --name: 'a b': a name consists of letters, digits, '.', '_' and '-', and does not begin with '.'",
                "jumping-vpn: --public-key: this is this node's own public key; the other side's belongs here",
                "jumping-vpn: --address: 10.88.0.2/32 lies outside the tunnel's networks (10.77.0.0/24)",
                "jumping-vpn: --address: 10.77.0.1/32 covers the gateway's own address 10.77.0.1/24",
                "jumping-vpn: --address: 10.77.0.2/31 overlaps 10.77.0.2/32",
                "jumping-vpn: --address: 10.77.0.5/30 has bits set after its prefix; did you mean 10.77.0.5/32 or 10.77.0.4/30?",
            ],
            error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_private_key_in_place_of_a_public_one_is_refused_and_not_repeated()
    {
        string config = example.Directory.Write("node.yaml", example.Shared);
        string secret = File.ReadAllText(example.Directory["gateway.key"]).Trim();
        (int code, _, string error) = Add(config, "laptop", secret, "10.77.0.2");
        Assert.Equal(2, code);
        Assert.Contains("this is this node's private key", error, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_clients_stand_in_the_file_it_says_so()
    {
        string config = example.Directory.Write("node.yaml", example.Gateway);
        Assert.Equal(
            (2, "", $"jumping-vpn: {config}: this gateway's clients stand in the file itself, under `clients`; only a database that nodes share has a registry\n"),
            Run("list", "--config", config));
        string client = example.Directory.Write("client.yaml", example.Client);
        Assert.Equal((2, "", $"jumping-vpn: {client}: a client's configuration; clients are registered with gateways\n"), Run("list", "--config", client));
    }

    [Fact]
    public void A_database_that_cannot_be_reached_is_one_line()
    {
        string config = example.Directory.Write("node.yaml", example.Shared.Replace("Host=db1,db2", $"Host={example.Directory.Path}", StringComparison.Ordinal));
        (int code, string output, string error) = Run("list", "--config", config);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains($"PostgreSQL database vpn at {example.Directory.Path}", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_word_that_the_driver_does_not_know_is_one_line_without_the_password()
    {
        string config = example.Directory.Write("node.yaml", example.Shared.Replace("Username=vpn", "Username=vpn;Colour=blue", StringComparison.Ordinal));
        (int code, _, string error) = Run("list", "--config", config);
        Assert.Equal(1, code);
        // The driver's own words might quote a piece of the password.
        Assert.Contains("connection string cannot be read", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_password_comes_from_its_file()
    {
        string config = example.Directory.Write("node.yaml", example.Shared.Replace(
            "Host=db1,db2;Database=vpn;Username=vpn", $"Host={server.Value.SocketDirectory};Port={server.Value.Port};Database={Database};Username=locked", StringComparison.Ordinal));
        (int code, _, string error) = Run("list", "--config", config);
        // The file's password is not the role's: had none been sent, the server would have asked for one in other words.
        Assert.Equal(1, code);
        Assert.Contains("password authentication failed", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
    }

    private string Shared() => example.Directory.Write("node.yaml", example.Shared.Replace(
        "Host=db1,db2;Database=vpn;Username=vpn",
        $"Host={server.Value.SocketDirectory};Port={server.Value.Port};Database={Database};Username={PostgresServer.Role}",
        StringComparison.Ordinal));

    private static (int ExitCode, string Output, string Error) Add(string config, string name, string key, params string[] addresses) =>
        Run(["add", "--config", config, "--name", name, "--public-key", key, .. addresses.SelectMany(address => (string[])["--address", address])]);

    private static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        Program.Result said = Program.Run(["clients", .. arguments]);
        return (said.ExitCode, said.Output, said.Error);
    }
}
