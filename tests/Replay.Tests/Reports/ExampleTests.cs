using System.Runtime.CompilerServices;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;

namespace JumpingVpn.Replay.Tests.Reports;

/// <summary>The incidents of docs/examples: they hold by their keys, they are what their page of words says, and their reports are today's.</summary>
public sealed class ExampleTests : IDisposable
{
    private readonly Tool _files = new();

    public static TheoryData<string> Names => [.. All()];

    public void Dispose() => _files.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void It_holds_by_its_keys_and_its_page_is_what_the_report_makes_of_it_to_the_byte(string name)
    {
        string file = Of(name + ".jvi"), keys = Of(name + ".keys");
        (int exit, string output, string error) = Tool.Run("verify", file, "--keys", keys);
        Assert.Equal((0, ""), (exit, error));
        Assert.StartsWith("HOLDS", output, StringComparison.Ordinal);
        (exit, _, error) = Tool.Run("report", file, "--keys", keys, "--out", _files["page.html"]);
        Assert.Equal((0, ""), (exit, error));
        Assert.True(File.ReadAllBytes(Of(name + ".html")).AsSpan().SequenceEqual(File.ReadAllBytes(_files["page.html"])),
            $"docs/examples/{name}.html is not what report makes today: docs/examples/make --pages");
        Assert.Contains($"({name}.jvi)", File.ReadAllText(Of("README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void They_tell_of_a_blackhole_and_the_return_a_flapping_uplink_and_a_takeover()
    {
        Assert.Equal(["blackhole", "flapping", "takeover"], All());
        Assert.Equal([ReasonCode.HandshakeOk, ReasonCode.TransportSwitched, ReasonCode.TransportSwitched, ReasonCode.Explicit], Reasons("blackhole"));
        Assert.Equal([ReasonCode.HandshakeOk, ReasonCode.TransportSwitched, ReasonCode.Explicit], Reasons("flapping"));
        Assert.Equal([ReasonCode.HandshakeOk, ReasonCode.OwnershipClaimed, ReasonCode.Explicit], Reasons("takeover"));
        Assert.Equal(["client", "gw1", "gw2"], Read("takeover").Parts.Select(static part => part.Header.Node).Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> All() =>
        Directory.GetFiles(Examples(), "*.jvi").Select(static file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal);

    private static IEnumerable<ReasonCode> Reasons(string name) => Read(name).Steps.Where(static step => step.Happened is not null).Select(static step => step.Happened!.Reason);

    private static Incident Read(string name)
    {
        using var reader = (IncidentFileReader)IncidentFileReader.Open(Of(name + ".jvi"));
        return (Incident)reader.ReadAll();
    }

    private static string Of(string file) => Path.Combine(Examples(), file);

    private static string Examples([CallerFilePath] string self = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(self)!, "../../../docs/examples"));
}
