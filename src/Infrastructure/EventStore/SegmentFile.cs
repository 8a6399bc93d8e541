using System.Globalization;

namespace JumpingVpn.Infrastructure.EventStore;

/// <summary>A segment's file: `events-20260131-002.jsonl`, by UTC day and a number within it.</summary>
internal sealed record SegmentFile(string Path, DateOnly Day, int Number, long Bytes)
{
    public string Name => System.IO.Path.GetFileName(Path);

    public static string NameOf(DateOnly day, int number) => string.Create(CultureInfo.InvariantCulture, $"events-{day:yyyyMMdd}-{number:d3}.jsonl");

    /// <summary>The directory's segments, oldest first. Files of other names are not ours.</summary>
    public static List<SegmentFile> List(string directory)
    {
        var found = new List<SegmentFile>();
        foreach (FileInfo file in new DirectoryInfo(directory).EnumerateFiles("events-*.jsonl"))
        {
            string[] parts = file.Name[..^".jsonl".Length].Split('-');
            if (parts.Length == 3
                && DateOnly.TryParseExact(parts[1], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day)
                && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && file.Name == NameOf(day, number))
                found.Add(new(file.FullName, day, number, file.Length));
        }
        found.Sort(static (left, right) => left.Day != right.Day ? left.Day.CompareTo(right.Day) : left.Number.CompareTo(right.Number));
        return found;
    }
}
