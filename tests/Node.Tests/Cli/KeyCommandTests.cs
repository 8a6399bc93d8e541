using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Tests.Cli;

public sealed class KeyCommandTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Keygen_prints_a_private_key_and_its_public_key()
    {
        Program.Result made = Program.Run("keygen");
        string[] lines = made.Output.Split('\n');
        Assert.Equal((0, ""), (made.ExitCode, made.Error));
        Assert.Equal(["", ""], [lines[2], string.Concat(lines[3..])]);
        Assert.True(PublicKey.TryParse(lines[0], out _));
        Assert.Equal(lines[1] + "\n", Program.RunWith(lines[0] + "\n", "pubkey").Output);
    }

    [Fact]
    public void Two_keys_are_different() => Assert.NotEqual(Program.Run("keygen").Output, Program.Run("keygen").Output);

    [Fact]
    public void A_key_file_has_mode_0600_and_standard_output_only_the_public_key()
    {
        string file = directory["a.key"];
        Program.Result made = Program.Run("keygen", "--out", file);
        Assert.Equal((0, ""), (made.ExitCode, made.Error));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        string content = File.ReadAllText(file);
        Assert.Equal(45, content.Length);
        Assert.DoesNotContain(content.Trim(), made.Output, StringComparison.Ordinal);
        Assert.Equal(made.Output, Program.RunWith(content, "pubkey").Output);
    }

    [Fact]
    public void A_key_file_is_never_overwritten()
    {
        string file = directory.Write("a.key", "precious");
        Program.Result refused = Program.Run("keygen", "--out", file);
        Assert.Equal(1, refused.ExitCode);
        Assert.Equal($"jumping-vpn: {file}: exists already, and no key is ever overwritten", Assert.Single(refused.ErrorLines));
        Assert.Equal("precious", File.ReadAllText(file));
        Assert.Equal("", refused.Output);
    }

    [Fact]
    public void A_dangling_link_is_not_followed()
    {
        File.CreateSymbolicLink(directory["link"], directory["target"]);
        Assert.Equal(1, Program.Run("keygen", "--out", directory["link"]).ExitCode);
        Assert.False(File.Exists(directory["target"]));
    }

    [Fact]
    public void A_directory_that_is_not_there_is_named()
    {
        Program.Result refused = Program.Run("keygen", "--out", directory["no/such/a.key"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Equal($"jumping-vpn: create {directory["no/such/a.key"]}: No such file or directory (ENOENT)", Assert.Single(refused.ErrorLines));
    }

    [Fact]
    public void A_full_device_fails_and_leaves_no_file()
    {
        // /dev/full exists, so it stands for any existing target; the message differs, the exit code does not.
        Assert.Equal(1, Program.Run("keygen", "--out", "/dev/full").ExitCode);
    }

    /// <summary>RFC 7748, section 6.1: Alice's keys.</summary>
    [Theory]
    [InlineData("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=")]
    [InlineData("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n")]
    [InlineData("  dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo= \r\nanything after the first line\n")]
    public void Pubkey_reads_the_first_line(string input) =>
        Assert.Equal("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n", Program.RunWith(input, "pubkey").Output);

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("hello\n")]
    [InlineData("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC==\n")]
    [InlineData("\ndwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n")]
    public void Pubkey_refuses_what_is_no_key(string input)
    {
        Program.Result refused = Program.RunWith(input, "pubkey");
        Assert.Equal((2, ""), (refused.ExitCode, refused.Output));
        Assert.StartsWith("jumping-vpn: standard input: ", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Pubkey_never_repeats_what_it_was_given()
    {
        const string nearlyAKey = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC";
        Assert.DoesNotContain(nearlyAKey, Program.RunWith(nearlyAKey, "pubkey").Error, StringComparison.Ordinal);
    }
}
