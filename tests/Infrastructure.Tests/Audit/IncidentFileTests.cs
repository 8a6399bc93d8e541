using System.IO.Compression;
using System.Text;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Infrastructure.Audit;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>The container and the lines in it.</summary>
public class IncidentFileTests
{
    [Fact]
    public void What_is_written_is_read_back_to_the_letter()
    {
        List<IncidentRecord> records = Incidents.Records(History.Story());
        List<string> lines = Incidents.Lines(Incidents.Write(records));
        Assert.Equal(records.Select(IncidentJson.Write), lines.SkipLast(1));
        foreach (string line in lines)
            Assert.Equal(line, IncidentJson.Read(line).Match(Right: IncidentJson.Write, Left: static fault => fault));
    }

    [Fact]
    public void Equal_records_give_equal_files()
    {
        Assert.Equal(Incidents.Write(Incidents.Records(History.Story())), Incidents.Write(Incidents.Records(History.Story())));
    }

    [Fact]
    public void Ordinary_tools_show_the_lines()
    {
        List<IncidentRecord> records = Incidents.Records(History.Story());
        byte[] file = Incidents.Write(records);
        using var text = new StreamReader(new GZipStream(new MemoryStream(file), CompressionMode.Decompress));
        Assert.Equal(string.Concat(Incidents.Lines(file).Select(static line => line + "\n")), text.ReadToEnd());
    }

    [Fact]
    public void A_file_of_many_frames_is_read_frame_by_frame()
    {
        List<IncidentRecord> records = Incidents.Records(History.Story());
        var random = new Random(1);
        for (int i = 0; i < 30_000; i++)
            records.Add(new IncidentRecord.Observed(new Evidence.Link("gw-a", new(i), "wan" + random.Next(), Convert.ToHexString(BitConverter.GetBytes(random.NextInt64())))));
        byte[] file = Incidents.Write(records);
        Assert.True(file.Length > 3 * FrameFormat.WantedContent / 10);
        Assert.Equal(records.Count + 1, Incidents.Lines(file).Count);
        Assert.Equal(30_006, Incidents.Holds(file).Evidence);
    }

    [Fact]
    public void Foreign_newer_and_cut_off_files_are_told_apart()
    {
        byte[] file = Incidents.Write(Incidents.Records(History.Story()));
        byte[] newer = [.. file];
        newer[16] = 2;
        Assert.Equal("file: was written by a newer version (format 2; this one knows 1)", Incidents.Fault(newer));
        Assert.Equal("file: is empty", Incidents.Fault([]));
        Assert.Equal("file: is no incident file", Incidents.Fault(Encoding.ASCII.GetBytes("PK and more, as other files have it, for long enough to be read as a head of one")));
        Assert.Equal("file: is no incident file", Incidents.Fault("\n"u8.ToArray()));
        for (int length = 1; length < file.Length; length++)
            Assert.StartsWith("file: is cut off", Incidents.Fault(file[..length]), StringComparison.Ordinal);
        Assert.Equal("file: is damaged: more follows after the seal", Incidents.Fault([.. file, .. file]));
        Assert.Equal("file: is cut off", Incidents.Fault([.. file, 0x1f]));
    }

    [Fact]
    public void Any_bytes_give_a_value_or_one_line()
    {
        byte[] file = Incidents.Write(Incidents.Records(History.Story()));
        var random = new Random(7);
        for (int round = 0; round < 2_000; round++)
        {
            byte[] bytes = round % 2 == 0 ? [.. file] : new byte[random.Next(4096)];
            int changes = round % 2 == 0 ? random.Next(1, 20) : bytes.Length;
            for (int i = 0; i < changes; i++) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (bytes.AsSpan().SequenceEqual(file)) continue;
            string fault = Incidents.Fault(bytes);
            Assert.DoesNotContain('\n', fault);
        }
    }

    [Fact]
    public void Joined_files_keep_every_part_to_the_byte_and_a_missing_part_shows()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            byte[] gateway = Incidents.Write(Incidents.Records(History.Story()));
            byte[] client = Incidents.Write(Client(), Incidents.Laptop);
            string[] names = [Path.Combine(directory, "a"), Path.Combine(directory, "b"), Path.Combine(directory, "c")];
            File.WriteAllBytes(names[0], gateway);
            File.WriteAllBytes(names[1], client);
            using var joined = new MemoryStream();
            Assert.Equal(2, (int)IncidentJoining.Join(names[..2], joined));
            byte[] whole = joined.ToArray();
            Assert.Equal(2, Incidents.Holds(whole, Incidents.Trusted).Parts);
            Assert.Contains(Convert.ToHexString(gateway), Convert.ToHexString(whole), StringComparison.Ordinal);
            Assert.Contains(Convert.ToHexString(client), Convert.ToHexString(whole), StringComparison.Ordinal);
            int first = Convert.ToHexString(whole).IndexOf(Convert.ToHexString(gateway), StringComparison.Ordinal) / 2;
            Assert.Equal("file: is cut off: a part is missing", Incidents.Fault(whole[..(first + gateway.Length == whole.Length ? first : first + gateway.Length)]));
            // What was joined can be joined again; what comes twice counts once.
            File.WriteAllBytes(names[2], whole);
            using var again = new MemoryStream();
            Assert.Equal(2, (int)IncidentJoining.Join([names[2], names[0]], again));
            Assert.Equal(whole, again.ToArray());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static IEnumerable<IncidentRecord> Client() =>
    [
        Incidents.Header(IncidentRole.Client, "laptop"),
        new IncidentRecord.NodeKey("laptop", Incidents.Laptop.Key),
        .. Incidents.Seen("laptop").Select(static seen => new IncidentRecord.Observed(seen)),
    ];
}
