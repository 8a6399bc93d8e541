using System.CommandLine;
using System.Globalization;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Replay;

/// <summary>`what-if`: the same causes under another policy.</summary>
internal static class WhatIfCommand
{
    private const int SideWidth = 40;

    public static Command Make()
    {
        var file = new Argument<string>("FILE") { Description = "An incident file." };
        var policy = new System.CommandLine.Option<string>("--policy") { HelpName = "FILE", Description = "Settings as in the configuration's policy section; what it does not name stays.", Required = true };
        var command = new Command("what-if", "Decide the same causes under another policy and show where the two timelines part.") { file, policy };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), parsed.GetRequiredValue(policy)));
        return command;
    }

    private static int Run(string file, string policyFile)
    {
        Either<string, (SessionPolicy Policy, WhatIf Result)> done = ShowCommand.Load(file).Bind(incident =>
            Stored(incident).MapLeft(problem => $"{file}: {problem}").Bind(stored =>
                Read(policyFile).Bind(text => PolicyText.Parse(text, stored).MapLeft(problem => $"{policyFile}: {problem}")).Bind(policy =>
                    WhatIf.Run(incident, policy).MapLeft(problem => $"{file}: {problem}").Map(result => (stored == policy ? stored : policy, result)))));
        return done.Match(
            Right: static pair =>
            {
                Write(pair.Result, Console.Out);
                return ExitCode.Done;
            },
            Left: static problem => Complaint.Exit(ExitCode.BadInput, problem));
    }

    /// <summary>The policy of the incident's last event.</summary>
    private static Either<string, SessionPolicy> Stored(Incident incident)
    {
        Hash256? hash = incident.Steps.LastOrDefault(static step => step.Happened is not null)?.Envelope.Draft.PolicyHash;
        IncidentRecord.Policy? found = incident.Parts.SelectMany(static part => part.Policies).FirstOrDefault(policy => policy.Hash == hash);
        if (found is null) return "holds no event, or not the policy that its last event was decided under";
        return SessionJson.ReadPolicy(found.Text).MapLeft(static error => error.Problem);
    }

    private static void Write(WhatIf result, TextWriter output)
    {
        output.WriteLine(Ink.Quiet($"{"time",12}  {"ver",5}  {"recorded",-SideWidth}  under the other policy"));
        foreach (WhatIfRow row in result.Rows)
        {
            string version = row.Version > 0 ? row.Version.ToString(CultureInfo.InvariantCulture) : "";
            string other = row.Other is { } made ? Describe(made) : row.Refusal is { } refusal ? "refused: " + refusal : "nothing";
            string line = $"{row.At.Ticks / (double)TimeSpan.TicksPerSecond,10:0.000} s  {version,5}  {(row.Recorded is { } recorded ? Describe(recorded) : "nothing"),-SideWidth}  ";
            if (row == result.Parting) output.WriteLine(Ink.Doubt("-- here the timelines part --"));
            output.WriteLine(line + (row.Differs ? Ink.Doubt(Printable.OneLine(other)) : Ink.Quiet("the same")));
        }
        output.WriteLine();
        output.WriteLine(result.Parting is null ? "The timelines do not part." : Ink.Strong("What it comes to"));
        output.WriteLine(Ink.Quiet($"{"",-14}{"recorded",14}  {"other policy",14}"));
        Line("jumps", static sum => sum.Switches.ToString(CultureInfo.InvariantCulture));
        Line("attached", static sum => Seconds(sum.Attached));
        Line("volatile", static sum => Seconds(sum.Volatile));
        Line("degraded", static sum => Seconds(sum.Degraded));
        Line("recovering", static sum => Seconds(sum.Recovering));
        Line("ended", static sum => sum.Ended is { } reason ? reason.Name() : "no");

        void Line(string name, Func<WhatIfSum, string> value) => output.WriteLine($"{name,-14}{value(result.Recorded),14}  {value(result.Other),14}");
    }

    private static string Describe(SessionEvent happened) => happened switch
    {
        SessionEvent.TransportSwitched moved => $"{moved.Reason.Name()} {moved.Binding.Transport.Remote}{(moved.Binding.State == SessionState.Degraded ? " (Degraded)" : "")}",
        SessionEvent.OwnershipClaimed claimed => $"{claimed.Reason.Name()} {claimed.Owner.Node}",
        _ => happened.Reason.Name(),
    };

    private static string Seconds(TimeSpan span) => span.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";

    private static Either<string, string> Read(string file)
    {
        try
        {
            return Prelude.Right<string, string>(File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Prelude.Left<string, string>(e is FileNotFoundException or DirectoryNotFoundException ? $"{file}: no such file" : $"{file}: {e.Message}");
        }
    }
}
