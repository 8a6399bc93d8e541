using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Tests.Keys;

/// <summary>The audit key on disk.</summary>
public sealed class AuditKeyTests : IDisposable
{
    private readonly string _directory = Path.Combine(Directory.CreateTempSubdirectory().FullName, "audit");

    private string File => Path.Combine(_directory, AuditKeyFile.Name);

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_directory)!, recursive: true);

    [Fact]
    public void The_key_is_made_once_with_mode_0600_and_never_overwritten()
    {
        Assert.Contains("no such file", AuditKeyFile.TryLoad(_directory, out _), StringComparison.Ordinal);
        AuditKey first = Load();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, System.IO.File.GetUnixFileMode(_directory));
        Assert.Equal(first, Load());
        System.IO.File.WriteAllText(File, "not a key\n");
        Assert.Contains("not a key", AuditKeyFile.TryLoadOrCreate(_directory, out _), StringComparison.Ordinal);
        Assert.Equal("not a key\n", System.IO.File.ReadAllText(File));
    }

    [Fact]
    public void A_key_that_others_can_read_is_refused()
    {
        _ = Load();
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("chmod 600", AuditKeyFile.TryLoadOrCreate(_directory, out _), StringComparison.Ordinal);
    }

    [Fact]
    public void Auditkey_says_where_a_key_would_be_and_prints_the_public_half_for_replay()
    {
        string root = Path.GetDirectoryName(_directory)!;
        string key = Path.Combine(root, "client.key"), config = Path.Combine(root, "client.yaml");
        Assert.Equal(0, Cli.Program.Run("keygen", "--out", key).ExitCode);
        string gateway = Cli.Program.Run("keygen").Output.Split('\n')[1];
        System.IO.File.WriteAllText(config, $$"""
            role: client
            node: laptop
            identity: { private_key_file: client.key }
            gateway: { public_key: "{{gateway}}", endpoints: ["192.0.2.10:51830"], allowed_ips: [10.77.0.0/24] }
            audit: { directory: audit, recorder: 8MiB }
            """);
        Cli.Program.Result missing = Cli.Program.Run("auditkey", "--config", config);
        Assert.Equal(2, missing.ExitCode);
        Assert.Contains(File, Assert.Single(missing.ErrorLines), StringComparison.Ordinal);

        AuditKey expected = Load();
        Cli.Program.Result printed = Cli.Program.Run("auditkey", "--config", config);
        Assert.Equal((0, $"{expected} laptop\n"), (printed.ExitCode, printed.Output));
        Assert.Equal($"fingerprint {expected.Fingerprint}", Assert.Single(printed.ErrorLines));

        Cli.Program.Result nothing = Cli.Program.Run("sessions", "export", new string('a', 32), "--out", Path.Combine(root, "x.jvi"), "--config", config);
        Assert.Equal(1, nothing.ExitCode);
        Assert.Contains("recorder knows nothing of it", Assert.Single(nothing.ErrorLines), StringComparison.Ordinal);
        Assert.False(System.IO.File.Exists(Path.Combine(root, "x.jvi")));
    }

    private AuditKey Load()
    {
        Assert.Null(AuditKeyFile.TryLoadOrCreate(_directory, out AuditSigner? signer));
        using (signer) return signer!.Key;
    }
}
