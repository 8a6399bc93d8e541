using System.CommandLine;
using System.Text.Json;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Control;
using Spectre.Console;

namespace JumpingVpn.Node.Cli;

/// <summary>`sessions`: list, show and end single sessions of a running node.</summary>
internal static class SessionsCommand
{
    public static Command Make() => new("sessions", "List, show, end and export sessions.") { List(), Show(), Terminate(), ExportCommand.Make() };

    private static Command List()
    {
        Option<string?> control = ControlOption.Make();
        Option<bool> json = ControlOption.MakeJson();
        var command = new Command("list", "One line for each session.") { control, json };
        command.SetAction(parsed => ControlOption.With(parsed.GetValue(control), client =>
        {
            if (ControlOption.AskStatus(client) is not { } status) return ExitCode.Failed;
            if (parsed.GetValue(json)) Console.Out.WriteLine(JsonSerializer.Serialize(status.Sessions, IndentedJson.Context.IReadOnlyListSessionStatus));
            else if (status.Sessions.Count == 0) Console.Out.WriteLine("no session");
            else
            {
                IAnsiConsole console = Terminal.Open();
                console.Write(StatusView.Sessions(status.Sessions, console.Profile.Width));
            }
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command Show()
    {
        Argument<string> id = IdArgument();
        Option<string?> control = ControlOption.Make();
        Option<bool> json = ControlOption.MakeJson();
        var command = new Command("show", "All that the node knows of one session.") { id, control, json };
        command.SetAction(parsed => WithId(parsed.GetRequiredValue(id), parsed.GetValue(control), (client, session) =>
        {
            if (ControlOption.AskStatus(client) is not { } status) return ExitCode.Failed;
            if (status.Sessions.FirstOrDefault(s => s.Id == session.ToString()) is not { } found)
                return Complaint.Exit(ExitCode.Failed, $"{session}: no such session on this node");
            if (parsed.GetValue(json)) Console.Out.WriteLine(JsonSerializer.Serialize(found, IndentedJson.Context.SessionStatus));
            else
            {
                IAnsiConsole console = Terminal.Open();
                console.Write(StatusView.Details(found));
                if (found.Paths.Count > 0) console.Write(StatusView.Paths(found));
            }
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command Terminate()
    {
        Argument<string> id = IdArgument();
        Option<string?> control = ControlOption.Make();
        Option<bool> json = ControlOption.MakeJson();
        var command = new Command("terminate", "End one session for good. Its client is told, and makes a new one after a while unless its key was removed.") { id, control, json };
        command.SetAction(parsed => WithId(parsed.GetRequiredValue(id), parsed.GetValue(control), (client, session) =>
        {
            ControlResponse response = client.Ask(new() { Op = ControlNames.Terminate, Session = session.ToString() });
            if (parsed.GetValue(json)) Console.Out.WriteLine(JsonSerializer.Serialize(response, ControlJson.Default.ControlResponse));
            if (!response.Ok) return Complaint.Exit(ExitCode.Failed, response.Error ?? "the node refused");
            if (!parsed.GetValue(json)) Console.Out.WriteLine($"{session}: terminated");
            return ExitCode.Done;
        }));
        return command;
    }

    private static Argument<string> IdArgument() => new("ID") { Description = "The session's id: 32 hexadecimal digits." };

    private static int WithId(string text, string? control, Func<ControlClient, SessionId, int> ask) =>
        SessionId.TryParse(text, out SessionId id)
            ? ControlOption.With(control, client => ask(client, id))
            : Complaint.Exit(ExitCode.BadInput, $"{Printable.Quoted(text)} is no session id; 32 hexadecimal digits are expected");
}
