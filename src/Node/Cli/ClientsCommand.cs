using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;
using JumpingVpn.Node.Running;
using Spectre.Console;

namespace JumpingVpn.Node.Cli;

/// <summary>`clients`: the registry of nodes that share a database. It needs the database and nothing else: no node, no root.</summary>
internal static class ClientsCommand
{
    public static Command Make() => new("clients", "The clients of gateways that share a database: add, remove and list them. Running nodes follow at once.") { Add(), Remove(), List() };

    private static Command Add()
    {
        Option<string> config = CheckCommand.ConfigOption();
        Option<string> name = NameOption("A word by which status and logs call the client.");
        var key = new Option<string>("--public-key") { HelpName = "KEY", Description = "The client's public key: 44 characters of base64.", Required = true };
        var addresses = new Option<string[]>("--address")
        {
            HelpName = "PREFIX",
            Description = "An address of the client inside the tunnel, such as 10.77.0.2/32; may be given several times.",
            Required = true,
        };
        var command = new Command("add", "Let a client connect.") { config, name, key, addresses };
        command.SetAction(parsed => With(parsed.GetRequiredValue(config), gateway =>
            ReadEntry(gateway, parsed.GetRequiredValue(name), parsed.GetRequiredValue(key), parsed.GetRequiredValue(addresses), out RegistryEntry entry)
                ? ChangeAsync(gateway, store => store.AddClientAsync(entry), $"{entry.Name}: added")
                : Task.FromResult(ExitCode.BadInput)));
        return command;
    }

    private static Command Remove()
    {
        Option<string> config = CheckCommand.ConfigOption();
        Option<string> name = NameOption("The client's name.");
        var command = new Command("remove", "Cut a client off: its session ends on whichever node serves it, within one lease time.") { config, name };
        command.SetAction(parsed => With(parsed.GetRequiredValue(config), gateway =>
        {
            string who = parsed.GetRequiredValue(name);
            return ChangeAsync(gateway, store => store.RemoveClientAsync(who), $"{who}: removed");
        }));
        return command;
    }

    private static Command List()
    {
        Option<string> config = CheckCommand.ConfigOption();
        Option<bool> json = ControlOption.MakeJson();
        var command = new Command("list", "One line for each client.") { config, json };
        command.SetAction(parsed => With(parsed.GetRequiredValue(config), gateway => ListAsync(gateway, parsed.GetValue(json))));
        return command;
    }

    private static Option<string> NameOption(string description) => new("--name") { HelpName = "NAME", Description = description, Required = true };

    private static int With(string file, Func<GatewayConfiguration, Task<int>> act)
    {
        if (CheckCommand.Load(file) is not { } configuration) return ExitCode.BadInput;
        return configuration switch
        {
            GatewayConfiguration { Store: StoreConfiguration.Postgres } gateway => act(gateway).GetAwaiter().GetResult(),
            GatewayConfiguration => Complaint.Exit(ExitCode.BadInput, $"{file}: this gateway's clients stand in the file itself, under `clients`; only a database that nodes share has a registry"),
            _ => Complaint.Exit(ExitCode.BadInput, $"{file}: a client's configuration; clients are registered with gateways"),
        };
    }

    private static async Task<int> ChangeAsync(GatewayConfiguration gateway, Func<IClusterStore, ValueTask<string?>> change, string done) =>
        await WithStoreAsync(gateway, async store =>
        {
            if (await change(store).ConfigureAwait(false) is { } problem) return Complaint.Exit(ExitCode.Failed, problem);
            Console.Out.WriteLine(done);
            return ExitCode.Done;
        }).ConfigureAwait(false);

    private static Task<int> ListAsync(GatewayConfiguration gateway, bool asJson) => WithStoreAsync(gateway, async store =>
        (await store.LoadRegistryAsync().ConfigureAwait(false)).Match(
            Right: registry =>
            {
                Print([.. registry.Clients.OrderBy(client => client.Name, StringComparer.Ordinal)], asJson);
                return ExitCode.Done;
            },
            Left: problem => Complaint.Exit(ExitCode.Failed, problem)));

    private static async Task<int> WithStoreAsync(GatewayConfiguration gateway, Func<IClusterStore, Task<int>> act)
    {
        LanguageExt.Either<string, IClusterStore> opened = await SharedStore.OpenForToolAsync(gateway).ConfigureAwait(false);
        return await opened.MatchAsync(
            RightAsync: async store =>
            {
                await using (store.ConfigureAwait(false)) return await act(store).ConfigureAwait(false);
            },
            Left: problem => Complaint.Exit(ExitCode.Failed, problem)).ConfigureAwait(false);
    }

    private static void Print(ImmutableArray<RegistryEntry> clients, bool asJson)
    {
        if (asJson)
        {
            ClientLine[] lines = [.. clients.Select(client => new ClientLine(client.Name, client.Key.ToString(), [.. client.Addresses.Select(address => address.ToString())]))];
            Console.Out.WriteLine(JsonSerializer.Serialize(lines, PlainJson.Context.ClientLineArray));
            return;
        }
        if (clients.IsEmpty) Console.Out.WriteLine("no client");
        else
        {
            IAnsiConsole console = Terminal.Open();
            console.Write(StatusView.Clients(clients));
        }
    }

    /// <summary>Reads a client from the command line, by the rules of the configuration's `clients`; complains of each error.</summary>
    private static bool ReadEntry(GatewayConfiguration gateway, string name, string keyText, string[] texts, out RegistryEntry entry)
    {
        var problems = new List<string>();
        if (Names.WrongWithName(name) is string wrongName) problems.Add($"--name: {wrongName}");
        if (KeyPairs.Inspect(gateway.PrivateKeyFile, out _, out Hash256 digest) is string unreadable) problems.Add(unreadable);
        if (ClientRules.PublicKeyOf(keyText, gateway.PublicKey, digest, out PublicKey key) is string wrongKey) problems.Add($"--public-key: {wrongKey}");
        var prefixes = new List<IpPrefix>();
        foreach (string text in texts)
        {
            if (AddressReading.Network(text, out IpPrefix prefix) is string wrong) problems.Add($"--address: {wrong}");
            else if (ClientRules.WrongInTunnel(prefix, gateway.Tunnel.Addresses) is string outside) problems.Add($"--address: {outside}");
            else if (prefixes.Where(other => other.Overlaps(prefix)).Cast<IpPrefix?>().FirstOrDefault() is { } taken) problems.Add($"--address: {prefix} overlaps {taken}");
            else prefixes.Add(prefix);
        }
        if (!AddressSet.TryCreate(prefixes, out AddressSet addresses)) problems.Add($"--address: more than {ProtocolConstants.MaxTunnelAddresses} addresses");
        foreach (string problem in problems) Complaint.Write(problem);
        entry = new(name, key, addresses);
        return problems.Count == 0;
    }
}
