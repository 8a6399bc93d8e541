using System.Runtime.CompilerServices;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Telemetry.Recorder;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>Files of every stored format, as they were written when the format was new: later programs still read them to the letter.</summary>
public class GoldenTests
{
    private static readonly string Golden = Path.Combine(Path.GetDirectoryName(ThisFile())!, "Golden");

    [Fact]
    public void An_incident_file_of_format_1_holds_and_has_its_lines()
    {
        byte[] file = File.ReadAllBytes(Path.Combine(Golden, "incident-1.jvi"));
        IncidentSummary summary = Incidents.Holds(file, Incidents.Trusted);
        Assert.Equal((6, 6, 1), (summary.Events, summary.LastVersion, summary.Parts));
        Assert.Equal(File.ReadAllLines(Path.Combine(Golden, "incident-1.jsonl")), Incidents.Lines(file));
        // What a program of today writes for the same history: a changed spelling shows here.
        Assert.Equal(Incidents.Records(History.Story()).Select(IncidentJson.Write), Incidents.Lines(file).SkipLast(1));
    }

    [Fact]
    public void A_joined_file_of_format_1_holds()
    {
        IncidentSummary summary = Incidents.Holds(File.ReadAllBytes(Path.Combine(Golden, "joined-1.jvi")), Incidents.Trusted);
        Assert.Equal(2, summary.Parts);
    }

    [Fact]
    public void A_journal_of_heads_of_format_1_is_read_and_its_signature_holds()
    {
        string line = File.ReadAllText(Path.Combine(Golden, "heads-1.jsonl")).TrimEnd('\n');
        SignedTree tree = SignedTree.Parse(line).IfLeft(problem => throw new FormatException(problem));
        Assert.Equal(line, tree.ToText());
        Assert.Equal(3, tree.Leaves.Length);
        for (int i = 0; i < tree.Leaves.Length; i++) Assert.Null(tree.At(i).Fault(SodiumAuditVerifier.Instance));
    }

    [Fact]
    public void A_recorders_file_of_format_1_is_read()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.Copy(Path.Combine(Golden, "evidence-1.jvr"), Path.Combine(directory, "evidence-00000001.jvr"));
            Assert.Equal(Incidents.Seen("gw-a"), FlightRecorder.Read(directory));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string ThisFile([CallerFilePath] string file = "") => file;
}
