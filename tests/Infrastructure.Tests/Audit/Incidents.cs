using System.Text;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>Incident files for the tests: made, taken apart, put together again, checked.</summary>
internal static class Incidents
{
    public static readonly AuditSigner GwA = Signer(1), GwB = Signer(2), Laptop = Signer(3), Stranger = Signer(99);

    public static AuditSigner Signer(byte seed)
    {
        Span<byte> key = stackalloc byte[32];
        key.Fill(seed);
        return new(key);
    }

    public static TrustedKeys Trusted => new([(GwA.Key, "gw-a"), (GwB.Key, "gw-b"), (Laptop.Key, "laptop")]);

    public static IncidentRecord.Header Header(IncidentRole role = IncidentRole.Gateway, string node = "gw-a") =>
        new("0.1.0", History.Id, role, IncidentOrigin.Node, node, new(1_790_000_100_000_000));

    /// <summary>Everything that a gateway's file may hold, of a short story.</summary>
    public static List<IncidentRecord> Records(History history)
    {
        List<IncidentRecord> records =
        [
            Header(),
            new IncidentRecord.Policy(history.PolicyHash, SessionJson.Of(history.Policy)),
            new IncidentRecord.NodeKey("gw-a", GwA.Key),
            new IncidentRecord.NodeKey("gw-b", GwB.Key),
        ];
        records.AddRange(history.Envelopes.Select(static envelope => new IncidentRecord.Event(envelope)));
        HeadLeaf[] leaves = [new(HeadKind.Event, new SessionId(5), 3, new Hash256(1, 1)), HeadLeaf.Of(history.Last), new(HeadKind.Event, new SessionId(6), 9, new Hash256(2, 2))];
        records.Add(new IncidentRecord.Signed(SignedHead.Sign(GwB, "gw-b", new(1_790_000_031_000_000), leaves, 1)));
        records.AddRange(Seen("gw-a").Select(static seen => new IncidentRecord.Observed(seen)));
        return records;
    }

    public static IEnumerable<Evidence> Seen(string node)
    {
        var wall = new WallTime(1_790_000_009_000_000);
        var refused = new RefusedInput(wall, "203.0.113.9:4000", History.Id, "a used nonce");
        yield return new Evidence.PathSample(node, wall, History.Id, "198.51.100.1:4000", "Live", 12_000, 1_500, true);
        yield return new Evidence.PathSample(node, wall, History.Id, "198.51.100.2:4000", "Unknown", null, 0, false);
        yield return new Evidence.Probes(node, wall, History.Id, "198.51.100.1:4000", 10, 9);
        yield return new Evidence.Rejections(node, wall, "REPLAY_DETECTED", "203.0.113.9", 3, refused, refused);
        yield return new Evidence.Link(node, wall, "wan1", "carrier lost");
        yield return new Evidence.Dropped(node, wall, 2);
    }

    public static byte[] Write(IEnumerable<IncidentRecord> records, AuditSigner? signer = null)
    {
        using var file = new MemoryStream();
        IncidentFileWriter? writer = null;
        foreach (IncidentRecord record in records)
        {
            if (record is IncidentRecord.Header header) writer = new(file, header);
            else writer!.Add(record);
        }
        writer!.Seal(signer ?? GwA);
        return file.ToArray();
    }

    /// <summary>Puts lines together as somebody would who can write the format, with a seal that is given or made anew.</summary>
    public static byte[] Frame(IReadOnlyList<string> lines, AuditSigner? signer)
    {
        using var file = new MemoryStream();
        var frames = new FrameWriter(file);
        foreach (string line in lines.Take(lines.Count - 1)) frames.Add(line);
        frames.Flush(FrameKind.Lines);
        string seal = lines[^1];
        if (signer is not null)
            seal = IncidentJson.Write(new IncidentRecord.Seal(
                lines.Count - 1, frames.Link, signer.Key, signer.Sign(IncidentRecord.Seal.ToSigned(lines.Count - 1, frames.Link))));
        frames.Add(seal);
        frames.Flush(FrameKind.Seal);
        return file.ToArray();
    }

    public static List<string> Lines(byte[] file)
    {
        using var reader = new IncidentFileReader("file", new MemoryStream(file));
        List<string> lines = [];
        while (reader.Read()) lines.Add(Encoding.UTF8.GetString(reader.Line));
        Assert.Null(reader.Fault);
        return lines;
    }

    /// <summary>The summary, or what is wrong.</summary>
    public static Either<string, IncidentSummary> Check(byte[] file, TrustedKeys? trusted = null)
    {
        using var reader = new IncidentFileReader("file", new MemoryStream(file));
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, trusted);
        while (reader.Read() && check.Take(reader.Line, reader.Digest))
        {
        }
        if (reader.Fault is { } fault) return fault;
        IncidentSummary? summary = check.Finish();
        return summary is null ? check.Fault!.ToString() : summary;
    }

    public static string Fault(byte[] file, TrustedKeys? trusted = null) =>
        Check(file, trusted).Match(Right: static _ => throw new InvalidOperationException("nothing was found"), Left: static fault => fault);

    public static IncidentSummary Holds(byte[] file, TrustedKeys? trusted = null) =>
        Check(file, trusted).Match(Right: static summary => summary, Left: static fault => throw new InvalidOperationException(fault));
}
