using System.Buffers.Text;
using System.CommandLine;
using System.Security.Cryptography;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Cli;

/// <summary>`keygen`: makes a private key.</summary>
internal static class KeygenCommand
{
    public static Command Make()
    {
        var output = new Option<string?>("--out")
        {
            HelpName = "FILE",
            Description = "Write the private key to FILE (made with mode 0600, never overwritten) and only the public key to standard output.",
        };
        var command = new Command("keygen", "Make a private key. Prints it and, on the next line, its public key, both as 44 characters of base64.") { output };
        command.SetAction(parsed => Run(parsed.GetValue(output)));
        return command;
    }

    private static int Run(string? file)
    {
        Span<byte> key = stackalloc byte[KeyFile.KeySize];
        Span<byte> line = stackalloc byte[KeyFile.TextSize + 1];
        try
        {
            KeyPairs.Generate(key);
            string publicKey = KeyPairs.PublicKeyOf(key).ToString();
            if (file is not null)
            {
                if (KeyFile.TryCreate(file, key) is string problem) return Complaint.Exit(ExitCode.Failed, problem);
            }
            else
            {
                Base64.EncodeToUtf8(key, line, out _, out _);
                line[KeyFile.TextSize] = (byte)'\n';
                using Stream standardOutput = Console.OpenStandardOutput();
                standardOutput.Write(line);
            }
            Console.Out.WriteLine(publicKey);
            return ExitCode.Done;
        }
        catch (IOException e)
        {
            return Complaint.Exit(ExitCode.Failed, FileProblem.Of("standard output", e));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(line);
        }
    }
}
