using System.Runtime.CompilerServices;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Infrastructure.Telemetry.Recorder;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Tests.Configuration;

/// <summary>docs/CONFIGURATION.md says what the program does.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void Every_knob_of_the_policy_is_documented_with_its_default_and_its_range()
    {
        string[] lines = File.ReadAllLines(Path.Combine(Root(), "docs", "CONFIGURATION.md"));
        Assert.All(PolicyKnobs.All, knob => Assert.Contains(Row(knob), lines));
    }

    [Fact]
    public void Every_bound_of_a_node_is_documented_with_its_default_and_its_range()
    {
        (string Key, string Default, string Range)[] bounds =
        [
            ("log.max_size", $"`{ByteSize.Format(LogFileOptions.DefaultSize)}`", Range(ByteSize.Format(LogFileOptions.SmallestSize), ByteSize.Format(LogFileOptions.LargestSize))),
            ("log.files", $"{LogFileOptions.DefaultFiles}", $"1 to {LogFileOptions.MostFiles}"),
            ("audit.recorder", $"`{ByteSize.Format(FlightRecorderOptions.DefaultBytes)}`", Range(ByteSize.Format(FlightRecorderOptions.MinBytes), ByteSize.Format(AuditReader.MaxRecorder))),
            ("limits.control_connections", $"{ControlLimits.Connections}", $"1 to {LimitsReader.MaxControlConnections}"),
            ("limits.half_open_handshakes", $"{GatewayLimits.HalfOpenHandshakes}", $"{LimitsReader.MinHalfOpenHandshakes} to {LimitsReader.MaxHalfOpenHandshakes}"),
        ];
        string[] lines = File.ReadAllLines(Path.Combine(Root(), "docs", "CONFIGURATION.md"));
        Assert.All(bounds, bound => Assert.Contains(lines, line =>
            line.StartsWith($"| `{bound.Key}` | {bound.Default} |", StringComparison.Ordinal) && line.Contains(bound.Range, StringComparison.Ordinal)));

        static string Range(string min, string max) => $"`{min}` to `{max}`";
    }

    /// <summary>The document's row for a knob.</summary>
    private static string Row(PolicyKnob knob) =>
        $"| `{knob.Name}` | {knob.Format(knob.Default)} | {knob.Format(knob.Min)} to {knob.Format(knob.Max)} | {knob.Summary} |";

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));
}
