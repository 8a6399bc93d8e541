using JumpingVpn.Domain.Audit.Incidents;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>Whatever is done to an incident file, the check finds it (REQ-AUDIT-2).</summary>
public class MutationTests
{
    private static readonly byte[] File = Incidents.Write(Incidents.Records(History.Story()));

    [Fact]
    public void The_file_itself_holds()
    {
        IncidentSummary summary = Incidents.Holds(File, Incidents.Trusted);
        Assert.Equal(6, summary.Events);
        Assert.Equal(["gw-a", "gw-b"], summary.Keys.Select(static key => key.Node));
        Assert.All(summary.Keys, static key => Assert.True(key.IsTrusted));
        Assert.All(Incidents.Holds(File).Keys, static key => Assert.False(key.IsTrusted));
    }

    [Fact]
    public void Every_byte_of_the_file_counts()
    {
        byte[] changed = [.. File];
        for (int i = 0; i < File.Length; i++)
        {
            foreach (byte mask in (ReadOnlySpan<byte>)[1, 0x80, 0xff])
            {
                changed[i] = (byte)(File[i] ^ mask);
                Assert.True(Incidents.Check(changed).IsLeft, $"byte {i} of {File.Length}, changed by {mask:x2}");
            }
            changed[i] = File[i];
        }
    }

    [Fact]
    public void No_byte_can_be_dropped_doubled_or_moved()
    {
        for (int i = 0; i < File.Length; i++)
        {
            Assert.True(Incidents.Check([.. File[..i], .. File[(i + 1)..]]).IsLeft, $"without byte {i}");
            Assert.True(Incidents.Check([.. File[..i], File[i], .. File[i..]]).IsLeft, $"byte {i} twice");
            if (i + 1 < File.Length && File[i] != File[i + 1])
                Assert.True(Incidents.Check([.. File[..i], File[i + 1], File[i], .. File[(i + 2)..]]).IsLeft, $"bytes {i} and {i + 1} exchanged");
        }
    }

    [Fact]
    public void Every_byte_of_every_line_counts_for_who_can_write_the_format_but_has_no_key()
    {
        List<string> lines = Incidents.Lines(File);
        for (int n = 0; n < lines.Count; n++)
        {
            string line = lines[n];
            // The last line is the seal itself.
            for (int i = 0; i < line.Length; i++)
            {
                lines[n] = line[..i] + (line[i] == '1' ? '2' : '1') + line[(i + 1)..];
                Assert.True(Incidents.Check(Incidents.Frame(lines, null)).IsLeft, $"line {n + 1}, character {i + 1}: {lines[n]}");
            }
            lines[n] = line;
        }
    }

    [Fact]
    public void No_line_can_be_dropped_doubled_or_moved_without_the_exporters_key()
    {
        foreach (List<string> changed in Rearranged(Incidents.Lines(File), static _ => true))
        {
            Assert.True(Incidents.Check(Incidents.Frame(changed, null)).IsLeft);
            Assert.True(Incidents.Check(Incidents.Frame(changed, Incidents.Stranger)).IsLeft);
        }
    }

    [Fact]
    public void A_strangers_seal_is_no_seal()
    {
        List<string> lines = Incidents.Lines(File);
        Assert.Contains("gw-a has signed with a key that is not listed", Incidents.Fault(Incidents.Frame(lines, Incidents.Stranger)), StringComparison.Ordinal);
        // Listed by itself, it is still not trusted.
        lines.Insert(2, IncidentJson.Write(new IncidentRecord.NodeKey("gw-a", Incidents.Stranger.Key)));
        byte[] listed = Incidents.Frame(lines, Incidents.Stranger);
        Assert.Contains("gw-a's key is not among the trusted ones", Incidents.Fault(listed, Incidents.Trusted), StringComparison.Ordinal);
        Assert.Contains(Incidents.Holds(listed).Keys, static key => key.Key == Incidents.Stranger.Key && !key.IsTrusted);
    }

    [Fact]
    public void Events_and_what_they_rest_on_cannot_be_rearranged_by_the_exporter_either()
    {
        foreach (List<string> changed in Rearranged(Incidents.Lines(File), static line => line.StartsWith("{\"alias\"", StringComparison.Ordinal)))
            Assert.True(Incidents.Check(Incidents.Frame(changed, Incidents.GwA)).IsLeft);
    }

    /// <summary>Every way to drop, double, or exchange two neighbours among the lines that are meant, the seal aside.</summary>
    private static IEnumerable<List<string>> Rearranged(List<string> lines, Func<string, bool> meant)
    {
        for (int i = 0; i < lines.Count - 1; i++)
        {
            if (!meant(lines[i])) continue;
            yield return [.. lines[..i], .. lines[(i + 1)..]];
            yield return [.. lines[..i], lines[i], .. lines[i..]];
            if (i + 2 < lines.Count) yield return [.. lines[..i], lines[i + 1], lines[i], .. lines[(i + 2)..]];
        }
    }
}
