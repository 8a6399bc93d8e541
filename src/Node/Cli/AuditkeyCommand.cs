using System.CommandLine;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Cli;

/// <summary>`auditkey`: the public half of the key that a node signs its history with, for auditors.</summary>
internal static class AuditkeyCommand
{
    public static Command Make()
    {
        Option<string> config = CheckCommand.ConfigOption();
        var command = new Command(
            "auditkey", "Print the node's public audit key and its name, as a line for `replay verify --keys`; the fingerprint goes to standard error.") { config };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(config)));
        return command;
    }

    private static int Run(string file)
    {
        if (CheckCommand.Load(file) is not { } configuration) return ExitCode.BadInput;
        if (AuditKeyFile.TryLoad(configuration.Audit.Directory, out AuditSigner? signer) is { } problem) return Complaint.Exit(ExitCode.BadInput, problem);
        using (signer)
        {
            Console.Error.WriteLine($"fingerprint {signer!.Key.Fingerprint}");
            Console.Out.WriteLine(Printable.OneLine($"{signer.Key} {configuration.Node}"));
        }
        return ExitCode.Done;
    }
}
