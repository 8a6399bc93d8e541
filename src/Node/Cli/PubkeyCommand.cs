using System.CommandLine;
using System.Security.Cryptography;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Cli;

/// <summary>`pubkey`: the public key of a private one.</summary>
internal static class PubkeyCommand
{
    private const int MaxLine = 256;

    public static Command Make()
    {
        var command = new Command("pubkey", "Read a private key from the first line of standard input and print its public key: jumping-vpn pubkey < FILE");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        Span<byte> line = stackalloc byte[MaxLine];
        Span<byte> key = stackalloc byte[KeyFile.KeySize];
        try
        {
            using Stream standardInput = Console.OpenStandardInput();
            int length = 0, read;
            do length += read = standardInput.Read(line[length..]);
            while (read > 0 && length < MaxLine && !line[..length].Contains((byte)'\n'));
            int end = line[..length].IndexOf((byte)'\n');
            if (!KeyFile.TryDecode(line[..(end < 0 ? length : end)], key))
            {
                return Complaint.Exit(ExitCode.BadInput,
                    length == 0 ? "standard input: is empty; a private key is expected" : "standard input: the first line is no private key; 44 characters of base64 are expected, as keygen writes it");
            }
            Console.Out.WriteLine(KeyPairs.PublicKeyOf(key).ToString());
            return ExitCode.Done;
        }
        catch (IOException e)
        {
            return Complaint.Exit(ExitCode.BadInput, FileProblem.Of("standard input", e));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(line);
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
