using System.CommandLine;
using System.Globalization;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Audit;
using LanguageExt;

namespace JumpingVpn.Replay;

/// <summary>`show`: the timeline in a terminal.</summary>
internal static class ShowCommand
{
    private const int StateWidth = 10;

    public static Command Make()
    {
        var file = new Argument<string>("FILE") { Description = "An incident file." };
        var until = new System.CommandLine.Option<long>("--until") { HelpName = "VERSION", Description = "Show the session up to this version.", DefaultValueFactory = static _ => long.MaxValue };
        var command = new Command("show", "The timeline: versions, states, reasons, and what the nodes have seen. It does not check the file; verify does.") { file, until };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), parsed.GetValue(until)));
        return command;
    }

    /// <summary>Reads a file whole; what is wrong with it goes to standard error.</summary>
    internal static Either<string, Incident> Load(string file) => IncidentFileReader.Open(file).Bind(static reader =>
    {
        using (reader) return reader.ReadAll();
    });

    private static int Run(string file, long until)
    {
        if (until < 1) return Complaint.Exit(ExitCode.BadInput, "--until: versions begin with 1");
        return Load(file).Match(
            Right: incident =>
            {
                Write(incident, until, Console.Out);
                return ExitCode.Done;
            },
            Left: static problem => Complaint.Exit(ExitCode.BadInput, problem));
    }

    private static void Write(Incident incident, long until, TextWriter output)
    {
        output.WriteLine(Ink.Strong("session ") + incident.Session);
        foreach (IncidentPart part in incident.Parts)
        {
            string from = part.Header.Origin == IncidentOrigin.Node ? "the running " : "the files of ";
            output.WriteLine(Printable.OneLine(
                $"  exported from {from}{(part.Header.Role == IncidentRole.Client ? "client" : "gateway")} {part.Header.Node} at {Timeline.Clock(part.Header.Exported)} UTC, "
                + $"program {part.Header.Program}: {part.Events.Length} events, {part.Evidence.Length} records of evidence"));
        }
        foreach ((string node, long shift) in incident.Clocks.Shifts.Where(static clock => clock.Value != 0))
            output.WriteLine(Printable.OneLine(string.Create(CultureInfo.InvariantCulture, $"  {node}'s clock is moved by {shift / 1000.0:+0.0;-0.0} ms: versions say what came first")));
        foreach (IncidentRecord.Gap gap in incident.Gaps)
            output.WriteLine(Printable.OneLine($"  versions {gap.From} to {gap.To} are missing{(gap.HeldBy.Length > 0 ? ", held by " + gap.HeldBy : "")}: {gap.Note}"));
        IReadOnlyList<TimelineRow> rows = Timeline.Of(incident, until);
        if (rows.Count == 0) return;
        int version = Math.Max(3, rows.Max(static row => row.Version).ToString(CultureInfo.InvariantCulture).Length);
        int node2 = Math.Max(4, rows.Max(static row => row.Node.Length)), reason = Math.Max(6, rows.Max(static row => row.Reason.Length));
        WallTime start = rows[0].At;
        output.WriteLine();
        output.WriteLine(Ink.Quiet($"{"ver".PadLeft(version)}  {"UTC",-23}  {"after",10}  {"state",-StateWidth}  {"node".PadRight(node2)}  {"reason".PadRight(reason)}  detail"));
        foreach (TimelineRow row in rows)
        {
            string number = (row.Version > 0 ? row.Version.ToString(CultureInfo.InvariantCulture) : "").PadLeft(version);
            string after = ((row.At.Microseconds - start.Microseconds) / 1e6).ToString("0.000", CultureInfo.InvariantCulture).PadLeft(8) + " s";
            string state = row.State is { } known ? Ink.State(known, StateWidth) : new string(' ', StateWidth);
            string rest = Printable.OneLine($"{row.Node.PadRight(node2)}  {row.Reason.PadRight(reason)}  {row.Detail}").TrimEnd();
            output.WriteLine($"{number}  {Timeline.Clock(row.At)}  {after}  {state}  {(row.Version > 0 ? rest : Ink.Quiet(rest))}");
        }
    }
}
