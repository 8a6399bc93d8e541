using System.CommandLine;
using System.Globalization;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Cli;

/// <summary>`check`: validates a configuration and the key files that it names.</summary>
internal static class CheckCommand
{
    public static Command Make()
    {
        Option<string> config = ConfigOption();
        var command = new Command("check", "Validate a configuration and the key files that it names. Every error is printed at once, each with file, line and field. Nothing is started or changed.") { config };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(config)));
        return command;
    }

    public static Option<string> ConfigOption() => new("--config", "-c")
    {
        HelpName = "FILE",
        Description = "The node's configuration (YAML). Relative paths in it are relative to its directory.",
        Required = true,
    };

    /// <summary>Loads a configuration and complains of each error; null if there was one.</summary>
    public static NodeConfiguration? Load(string file)
    {
        if (ConfigurationFile.TryLoad(file, out NodeConfiguration? configuration, out IReadOnlyList<ConfigurationError> errors)) return configuration;
        foreach (ConfigurationError error in errors) Complaint.Write(error.ToString());
        return null;
    }

    private static int Run(string file)
    {
        if (Load(file) is not { } configuration) return ExitCode.BadInput;
        string what = configuration switch
        {
            GatewayConfiguration { Store: StoreConfiguration.Postgres } shared => $"gateway {shared.Node}, clients in the database",
            GatewayConfiguration gateway => string.Create(CultureInfo.InvariantCulture, $"gateway {gateway.Node}, {gateway.Clients.Length} {(gateway.Clients.Length == 1 ? "client" : "clients")}"),
            ClientConfiguration client => $"client {client.Node} of {string.Join(", ", client.Endpoints)}",
            _ => configuration.Role,
        };
        Console.Out.WriteLine(Printable.OneLine($"{file}: ok ({what}; public key {configuration.PublicKey})"));
        return ExitCode.Done;
    }
}
