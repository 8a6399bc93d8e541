namespace JumpingVpn.Node.Tests.Cli;

public sealed class UsageTests
{
    [Theory]
    [InlineData("a command is missing; see jumping-vpn --help")]
    [InlineData("unknown command 'chekc'; did you mean check?", "chekc")]
    [InlineData("unknown command 'frobnicate'; see jumping-vpn --help", "frobnicate")]
    [InlineData("check: Option '--config' is required. See jumping-vpn check --help", "check")]
    [InlineData("check: Required argument missing for option: '--config'. See jumping-vpn check --help", "check", "--config")]
    [InlineData("keygen: Unrecognized command or argument '--outt'. See jumping-vpn keygen --help", "keygen", "--outt")]
    public void A_wrong_command_line_exits_2_with_one_line(string expected, params string[] arguments)
    {
        Program.Result refused = Program.Run(arguments);
        Assert.Equal((2, ""), (refused.ExitCode, refused.Output));
        Assert.Equal("jumping-vpn: " + expected, Assert.Single(refused.ErrorLines));
    }

    [Fact]
    public void Response_files_are_not_read() => Assert.Equal(2, Program.Run("@/etc/hostname").ExitCode);

    [Fact]
    public void Version_is_one_line()
    {
        Program.Result said = Program.Run("--version");
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        Assert.Matches(@"^jumping-vpn \d+\.\d+\.\d+\n$", said.Output);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("keygen", "--help")]
    [InlineData("check", "--help")]
    public void Help_goes_to_standard_output(params string[] arguments)
    {
        Program.Result said = Program.Run(arguments);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        Assert.Contains("Usage:", said.Output, StringComparison.Ordinal);
    }
}
