using System.Text;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>Canonical JSON and event envelopes: what is accepted is written as the same value again, and its hash can be taken.</summary>
internal sealed class EnvelopeTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Lines("envelopes");

    public override string Name => "envelopes";

    public override long MostAllocated(int length) => 65_536 + (400L * length);

    public override FuzzInput? Draw(SimRandom random) => new(TextMutation.Json(random, random.Pick(_corpus), _corpus));

    public override bool Take(FuzzInput input)
    {
        string text = Encoding.UTF8.GetString(input.Bytes);
        Either<string, CanonicalJson> json = CanonicalJson.Parse(text);
        json.IfRight(canonical => FuzzFailure.Require(
            CanonicalJson.Parse(canonical.Text).Match(again => again.Text == canonical.Text, _ => false), "canonical text is not canonical"));
        Either<string, EventEnvelope> envelope = EventEnvelope.Parse(text);
        envelope.IfRight(read =>
        {
            FuzzFailure.Require(json.IsRight, "an envelope that is no canonical JSON");
            _ = read.ComputeHash();
            _ = read.EventId;
            FuzzFailure.Require(EventEnvelope.Parse(read.ToText()).Match(again => again == read, _ => false), "an envelope is written as another one");
            HashChain.Verify(read.Stream, [read]);
            SessionTarget.ReadAll(read.Alias, read.Draft.Data);
            SessionTarget.ReadAll(read.Alias, read.Draft.Cause);
        });
        return envelope.IsRight;
    }
}

/// <summary>Stored sessions, events, commands and policies: total, and read back as they were written.</summary>
internal sealed class SessionTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Lines("sessions");

    public override string Name => "sessions";

    public override long MostAllocated(int length) => 262_144 + (1_000L * length);

    public override FuzzInput? Draw(SimRandom random) => new(TextMutation.Json(random, random.Pick(_corpus), _corpus), 0, random.Below(SessionEventNames.All.Count));

    public override bool Take(FuzzInput input) =>
        CanonicalJson.Parse(Encoding.UTF8.GetString(input.Bytes)).Match(json => ReadAll(SessionEventNames.All[input.Way], json), _ => false);

    /// <summary>True if anything of it can be read.</summary>
    public static bool ReadAll(string alias, CanonicalJson json)
    {
        bool any = false;
        SessionJson.ReadSession(json).IfRight(session =>
        {
            any = true;
            FuzzFailure.Require(SessionJson.ReadSession(SessionJson.Of(session)).Match(again => again == session, _ => false), "a session is written as another one");
        });
        SessionJson.ReadEvent(alias, json).IfRight(happened =>
        {
            any = true;
            FuzzFailure.Require(SessionJson.ReadEvent(SessionEventNames.Of(happened), SessionJson.Of(happened)).Match(again => again == happened, _ => false), "an event is written as another one");
            // Whatever history says happened, no session makes an exception of it.
            _ = SessionDecider.Evolve(Session.Birth(new(1)), happened);
        });
        SessionJson.ReadCommand(json).IfRight(command =>
        {
            any = true;
            FuzzFailure.Require(SessionJson.ReadCommand(SessionJson.Of(command)).Match(again => again == command, _ => false), "a command is written as another one");
            _ = SessionDecider.Decide(Session.Birth(new(1)), command, SessionPolicy.Default);
        });
        SessionJson.ReadPolicy(json).IfRight(policy =>
        {
            any = true;
            _ = policy.Validate();
        });
        return any;
    }
}

/// <summary>Audit segments on disk: every line is an event, a note or damaged, and one bad line hides no other.</summary>
internal sealed class SegmentTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Lines("segments");
    private readonly string _directory = Scratch.Directory();

    public override string Name => "segments";

    public override long MostAllocated(int length) => 262_144 + (400L * length);

    public override FuzzInput? Draw(SimRandom random)
    {
        var lines = new List<byte>();
        for (int i = random.Between(1, 4); i > 0; i--)
        {
            byte[] line = random.Pick(_corpus);
            lines.AddRange(random.Chance(60) ? TextMutation.Json(random, line, _corpus) : line);
            lines.Add((byte)'\n');
        }
        byte[] file = [.. lines];
        return new(random.Chance(20) ? ByteMutation.Mutate(random, file, [], _corpus) : file);
    }

    public override bool Take(FuzzInput input)
    {
        string path = Path.Combine(_directory, "events-20260131-001.jsonl");
        File.WriteAllBytes(path, input.Bytes);
        int filled = File.ReadLines(path).Count(line => line.Length > 0);
        SegmentLine[] lines = [.. SegmentReader.Lines(_directory)];
        FuzzFailure.Require(lines.Length == filled, $"{filled} lines give {lines.Length} results");
        foreach (SegmentLine.Event line in lines.OfType<SegmentLine.Event>())
            FuzzFailure.Require(line.Envelope.ComputeHash() == line.Envelope.Hash, "an event that does not match its hash");
        return lines.Any(line => line is not SegmentLine.Damaged);
    }

    protected override void Close() => Directory.Delete(_directory, recursive: true);
}
