using System.Text;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Tests.Audit;
using LanguageExt;

namespace JumpingVpn.Replay.Tests;

/// <summary>What the tool prints, and with which exit code it ends.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly Tool _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Verify_says_untrusted_and_names_the_fingerprints_until_it_is_told_whom_to_trust()
    {
        string file = _files.Write("a.jvi", History.Story());
        (int exit, string output, string error) = Tool.Run("verify", file);
        Assert.Equal((0, ""), (exit, error));
        Assert.StartsWith("UNTRUSTED", output, StringComparison.Ordinal);
        Assert.Contains(Tool.Gateway.Key.Fingerprint, output, StringComparison.Ordinal);
        Assert.Contains("6 up to version 6", output, StringComparison.Ordinal);

        File.WriteAllText(_files["keys"], $"# auditors' list\n{Tool.Gateway.Key} gw-a\n");
        (exit, output, _) = Tool.Run("verify", file, "--keys", _files["keys"]);
        Assert.Equal(0, exit);
        Assert.StartsWith("HOLDS", output, StringComparison.Ordinal);

        File.WriteAllText(_files["keys"], $"{Tool.Gateway.Key} gw-b\n");
        (exit, output, _) = Tool.Run("verify", file, "--keys", _files["keys"]);
        Assert.Equal(1, exit);
        Assert.Contains("gw-a's key is not among the trusted ones", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_names_the_first_divergence_with_command_state_before_recorded_and_recomputed_event()
    {
        // Decided under one policy, and said to have been decided under another.
        var history = new History(SessionPolicy.Default with { RecoveryWindow = TimeSpan.FromSeconds(30) });
        history = History.Established(history.Policy).When(session => new SessionCommand.LoseTransport(History.At(10), History.GwA, session.BindingVersion));
        EventEnvelope lost = history.Last;
        string longer = lost.Draft.Data.Text.Replace("400000000", "500000000", StringComparison.Ordinal);
        EventEnvelope forged = HashChain.Seal(
            HashChain.After(history.Envelopes[0]), lost.Draft with { Data = CanonicalJson.Parse(longer).IfLeft(reason => throw new FormatException(reason)) });
        history.Envelopes[1] = forged;
        (int exit, string output, _) = Tool.Run("verify", _files.Write("a.jvi", history));
        Assert.Equal(1, exit);
        string[] lines = output.Split('\n');
        Assert.StartsWith("FAILS", lines[0], StringComparison.Ordinal);
        Assert.Equal("  first fault  version 2: the event is not what its cause leads to", lines[1]);
        Assert.Contains("\"command\":\"lose_transport\"", lines[2], StringComparison.Ordinal);
        Assert.Contains("\"state\":\"Attached\"", lines[3], StringComparison.Ordinal);
        Assert.Contains("\"recoveryDeadline\":\"500000000\"", lines[4], StringComparison.Ordinal);
        Assert.Contains("\"recoveryDeadline\":\"400000000\"", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_read_gives_one_line_and_exit_code_2()
    {
        string file = _files.Write("a.jvi", History.Story());
        byte[] whole = File.ReadAllBytes(file);
        File.WriteAllBytes(_files["cut"], whole[..^20]);
        File.WriteAllText(_files["foreign"], new string('x', 500));
        byte[] newer = [.. whole];
        newer[16] = 9;
        File.WriteAllBytes(_files["newer"], newer);
        foreach ((string name, string problem) in new[]
        {
            ("cut", "is cut off"), ("foreign", "is no incident file"), ("newer", "was written by a newer version"), ("missing", "no such file"),
        })
        {
            foreach (string command in new[] { "verify", "show" })
            {
                (int exit, string output, string error) = Tool.Run(command, _files[name]);
                Assert.Equal((2, ""), (exit, output));
                Assert.Equal(1, error.Count(static c => c == '\n'));
                Assert.StartsWith($"replay: {_files[name]}: {problem}", error, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData]
    [InlineData("verify")]
    [InlineData("frobnicate")]
    [InlineData("show", "x", "--until", "zero")]
    [InlineData("what-if", "x")]
    [InlineData("verify", "x", "--keys", "/nonexistent/keys")]
    public void A_wrong_command_line_gives_one_line_and_exit_code_2(params string[] arguments)
    {
        (int exit, string output, string error) = Tool.Run(arguments);
        Assert.Equal((2, ""), (exit, output));
        Assert.Equal(1, error.Count(static c => c == '\n'));
    }

    [Fact]
    public void Show_prints_one_line_for_each_version_in_columns()
    {
        string file = _files.Write("a.jvi", History.Story(), new IncidentRecord.Observed(new Evidence.Link("gw-a", new(1_790_000_011_000_000), "wan1", "carrier lost\u001b[2J")));
        (int exit, string output, _) = Tool.Run("show", file);
        Assert.Equal(0, exit);
        string[] rows = [.. output.Split('\n').SkipWhile(static line => !line.StartsWith("ver", StringComparison.Ordinal)).Skip(1).Where(static line => line.Length > 0)];
        Assert.Equal(7, rows.Length);
        int column = output.Split('\n').First(static line => line.StartsWith("ver", StringComparison.Ordinal)).IndexOf("state", StringComparison.Ordinal);
        Assert.Equal(["Attached", "Recovering", "", "Attached", "Recovering", "Attached", "Terminated"], rows.Select(row => row[column..].Split(' ')[0]));
        Assert.Contains("TRANSPORT_SWITCHED", rows[3], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);

        (_, output, _) = Tool.Run("show", file, "--until", "2");
        Assert.DoesNotContain("TRANSPORT_SWITCHED", output, StringComparison.Ordinal);
        Assert.Contains("TRANSPORT_DEAD", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_if_shows_where_the_timelines_part_and_what_it_comes_to()
    {
        string file = _files.Write("a.jvi", History.Story());
        File.WriteAllText(_files["policy"], "policy:\n  recovery_window: 1s   # much shorter\n");
        (int exit, string output, string error) = Tool.Run("what-if", file, "--policy", _files["policy"]);
        Assert.Equal((0, ""), (exit, error));
        Assert.Contains("-- here the timelines part --", output, StringComparison.Ordinal);
        Assert.Contains("RECOVERY_WINDOW_EXCEEDED", output, StringComparison.Ordinal);
        Assert.Matches(@"jumps +2 +0", output);

        File.WriteAllText(_files["policy"], "recovery_window: 60s\n");
        (_, output, _) = Tool.Run("what-if", file, "--policy", _files["policy"]);
        Assert.Contains("The timelines do not part.", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("recovery_windw: 1s", "line 1: there is no policy setting 'recovery_windw'")]
    [InlineData("# a\nrecovery_window: soon", "line 2: recovery_window: 'soon' is not within")]
    [InlineData("recovery_window", "line 1: 'name: value' is expected")]
    [InlineData("cooldown: 1s\ncooldown: 2s", "line 2: cooldown stands twice")]
    public void A_policy_that_cannot_be_read_is_named_with_its_line(string text, string problem)
    {
        string file = _files.Write("a.jvi", History.Story());
        File.WriteAllText(_files["policy"], text);
        (int exit, _, string error) = Tool.Run("what-if", file, "--policy", _files["policy"]);
        Assert.Equal(2, exit);
        Assert.StartsWith($"replay: {_files["policy"]}: {problem}", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Merge_joins_a_clients_and_a_gateways_file_by_versions_whatever_their_clocks_say()
    {
        string gateway = _files.Write("gw.jvi", History.Story());
        // The client's clock is an hour ahead.
        const long ahead = 3_600_000_000;
        string client = _files.WriteClient("laptop.jvi",
            Mirrored(1, 20_000 + ahead, SessionState.Birth, SessionState.Attached), Mirrored(3, 12_050_000 + ahead, SessionState.Recovering, SessionState.Attached));
        (int exit, _, string error) = Tool.Run("merge", gateway, client, "--out", _files["both.jvi"]);
        Assert.Equal((0, ""), (exit, error));
        Assert.Equal(0, Tool.Run("verify", _files["both.jvi"]).Exit);
        string output = Tool.Run("show", _files["both.jvi"]).Output;
        Assert.Contains("laptop's clock is moved by -3600020.0 ms", output, StringComparison.Ordinal);
        string[] rows = [.. output.Split('\n').Where(static line => line.Contains(" UTC", StringComparison.Ordinal) || line.Contains("  gw-", StringComparison.Ordinal) || line.Contains("client:", StringComparison.Ordinal))];
        int switched = System.Array.FindIndex(rows, static row => row.Contains("TRANSPORT_SWITCHED", StringComparison.Ordinal) && !row.Contains("client:", StringComparison.Ordinal));
        Assert.Contains("client: TRANSPORT_SWITCHED", rows[switched + 1], StringComparison.Ordinal);

        Assert.Equal(1, Tool.Run("merge", gateway, client, "--out", _files["both.jvi"]).Exit);
        Assert.Equal(2, Tool.Run("merge", gateway, _files["missing"], "--out", _files["c.jvi"]).Exit);
        Assert.False(File.Exists(_files["c.jvi"]));
    }

    [Fact]
    public void Two_parts_that_tell_different_histories_are_found_out()
    {
        string one = _files.Write("a.jvi", History.Established().When(session => new SessionCommand.LoseTransport(History.At(10), History.GwA, session.BindingVersion)));
        string other = _files.Write("b.jvi", History.Established().When(session => new SessionCommand.LoseTransport(History.At(11), History.GwA, session.BindingVersion)));
        Assert.Equal(0, Tool.Run("merge", one, other, "--out", _files["both.jvi"]).Exit);
        (int exit, string output, _) = Tool.Run("verify", _files["both.jvi"]);
        Assert.Equal(1, exit);
        Assert.Contains("version 2: another part of the file has another event at this version", output, StringComparison.Ordinal);
    }

    private static Evidence.Mirrored Mirrored(long version, long micros, SessionState from, SessionState to) => new(
        "laptop", new(1_790_000_000_000_000 + micros), History.Id, version, from, to, version == 1 ? "HANDSHAKE_OK" : "TRANSPORT_SWITCHED", "wan1", "");
}
