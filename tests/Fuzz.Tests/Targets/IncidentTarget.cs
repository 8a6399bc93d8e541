using System.Buffers.Binary;
using System.Text;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Tests.Audit;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>
/// Incident files, one part or two that were joined: lines changed under right hashes and a right seal, as a node could that has a key; and
/// frames whose bytes were changed, with their links made anew or not. Whoever has no key changes nothing unseen (REQ-AUDIT-2).
/// </summary>
internal sealed class IncidentTarget : FuzzTarget
{
    /// <summary>Bytes of a file were changed and no link made anew.</summary>
    private const int Tampered = 1;

    private static readonly ByteField[] Head =
    [
        new(0, 2), new(2, 1), new(3, 1), new(4, 4), new(10, 2), new(12, 4), new(16, 1), new(17, 1), new(18, 4), new(22, 4), new(FrameFormat.LinkOffset, Hash256.Size),
    ];

    private readonly string[][] _corpus = [.. Corpus.Files("incidents").Select(file => Encoding.UTF8.GetString(file).Split('\n', StringSplitOptions.RemoveEmptyEntries))];
    private readonly IReadOnlyList<byte[]> _lines;

    public IncidentTarget() => _lines = [.. _corpus.SelectMany(file => file).Select(Encoding.UTF8.GetBytes)];

    public override string Name => "incidents";

    /// <summary>Two readers, each with room for a frame and its content at their largest, and what is read into memory.</summary>
    public override long MostAllocated(int length) => (8L * FrameFormat.MaxFrame) + (2_000L * length);

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[][] parts = [.. Enumerable.Range(0, random.Chance(20) ? 2 : 1).Select(_ => Part(random))];
        byte[] file = parts.Length == 1 && random.Chance(90) ? parts[0] : Joined(parts);
        if (random.Chance(60)) return new(file);
        bool isRelinked = random.Chance(50);
        byte[] changed = ByteMutation.Mutate(random, file, random.Chance(50) ? Head : [], isRelinked ? _lines : []);
        if (isRelinked) Relink(changed);
        return changed.AsSpan().SequenceEqual(file) ? null : new(changed, 0, isRelinked ? 0 : Tampered);
    }

    public override bool Take(FuzzInput input)
    {
        using var reader = new IncidentFileReader("incident", new MemoryStream(input.Bytes));
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, Incidents.Trusted);
        while (reader.Read() && check.Take(reader.Line, reader.Digest))
        {
        }
        IncidentSummary? summary = reader.Fault is null ? check.Finish() : null;
        string problem = reader.Fault ?? check.Fault?.ToString() ?? "";
        FuzzFailure.Require(summary is not null || problem.Length > 0, "neither a summary nor a fault");
        FuzzFailure.Require(summary is null || input.Way != Tampered, "a file that was changed without a key holds");
        using var again = new IncidentFileReader("incident", new MemoryStream(input.Bytes));
        Either<string, Incident> whole = again.ReadAll();
        FuzzFailure.Require(summary is null || whole.IsRight, "what holds cannot be shown: " + whole.Match(_ => "", reason => reason));
        if (summary is null) return false;
        var incident = (Incident)whole;
        _ = IncidentLanes.Of(incident);
        _ = WhatIf.Run(incident, SessionPolicy.Default with { MaxRecoveriesPerMinute = 2, MaxSwitchesPerMinute = 2 });
        return true;
    }

    /// <summary>Some lines of a part, changed or not, with a seal by the key of whoever wrote it.</summary>
    private byte[] Part(SimRandom random)
    {
        List<string> lines = [.. random.Pick(_corpus)];
        AuditSigner signer = lines[0].Contains("\"laptop\"", StringComparison.Ordinal) ? Incidents.Laptop : Incidents.GwA;
        for (int i = random.Chance(30) ? 0 : random.Between(1, 3); i > 0; i--) Change(random, lines);
        using var file = new MemoryStream();
        var frames = new FrameWriter(file);
        foreach (string line in lines)
        {
            frames.Add(line);
            if (random.Chance(10)) frames.Flush(FrameKind.Lines);
        }
        frames.Flush(FrameKind.Lines);
        frames.Add(IncidentJson.Write(new IncidentRecord.Seal(
            lines.Count, frames.Link, signer.Key, signer.Sign(IncidentRecord.Seal.ToSigned(lines.Count, frames.Link)))));
        frames.Flush(FrameKind.Seal);
        return file.ToArray();
    }

    private void Change(SimRandom random, List<string> lines)
    {
        if (lines.Count == 0) return;
        int at = random.Below(lines.Count), other = random.Below(lines.Count);
        switch (random.Below(8))
        {
            case 0:
                lines.RemoveAt(at);
                break;
            case 1:
                lines.Insert(other, lines[at]);
                break;
            case 2:
                (lines[at], lines[other]) = (lines[other], lines[at]);
                break;
            case 3:
                lines.Insert(at, random.Pick(random.Pick(_corpus)));
                break;
            default:
                lines[at] = Encoding.UTF8.GetString(TextMutation.Json(random, Encoding.UTF8.GetBytes(lines[at]), _lines));
                break;
        }
    }

    private static byte[] Joined(byte[][] parts)
    {
        using var file = new MemoryStream();
        var list = new FrameWriter(file);
        list.Add($$"""{"parts":[{{string.Join(",", parts.Select(part => $"\"{LastLink(part)}\""))}}],"record":"parts"}""");
        list.Flush(FrameKind.Parts);
        foreach (byte[] part in parts) file.Write(part);
        return file.ToArray();
    }

    private static Hash256 LastLink(byte[] part)
    {
        using var frames = new IncidentFileReader("part", new MemoryStream(part));
        Hash256 last = default;
        while (!frames.ReadFrame(out _, out Hash256 link).IsEmpty) last = link;
        return last;
    }

    /// <summary>The links that belong to the frames as they are now: no secret is needed for that.</summary>
    private static void Relink(Span<byte> file)
    {
        Hash256 link = FrameFormat.Start;
        while (file.Length >= FrameFormat.HeadSize)
        {
            int size = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(file[18..]), FrameFormat.HeadSize, file.Length);
            var kind = (FrameKind)file[17];
            link = FrameFormat.Link(link, file[..size]);
            link.Write(file[FrameFormat.LinkOffset..]);
            if (kind != FrameKind.Lines) link = FrameFormat.Start;
            file = file[size..];
        }
    }
}
