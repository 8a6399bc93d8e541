using System.Text;
using JumpingVpn.Domain.Sessions;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>
/// The whole table of (state, command), printed and compared with an approved file, so that a changed cell shows in
/// review. To approve a change, copy the received file over the approved one.
/// </summary>
public class SessionTransitionTable
{
    private static readonly (string Name, Session Session)[] States =
    [
        ("Birth", Session.Birth(Id)),
        ("Attached", Attached().Session),
        ("Volatile", Volatile().Session),
        ("Degraded", Degraded().Session),
        ("Recovering", Recovering().Session),
        ("Released", Released().Session),
        ("Terminated", Terminated().Session),
    ];

    // At 69.5 s every hold, window and cooldown of the stories above has a side to be on, and no deadline has passed.
    private const double T = 69.5;

    private static readonly (string Name, Func<Session, SessionCommand> Command)[] Commands =
    [
        ("establish", _ => Establish(T)),
        .. Enum.GetValues<ReattachKind>().Select(kind => ("reattach " + kind, (Func<Session, SessionCommand>)(session =>
            new SessionCommand.Reattach(At(T), Node, Request(session, kind, kind == ReattachKind.Rekey ? 1 : 2))))),
        ("reattach, used nonce", session => new SessionCommand.Reattach(At(T), Node, Request(session, ReattachKind.Dead, 2, session.LastNonce))),
        ("reattach, old version", session => new SessionCommand.Reattach(At(T), Node, Request(session, ReattachKind.Dead, 2) with { ExpectedBindingVersion = 99 })),
        ("reattach, other instance", session => new SessionCommand.Reattach(At(T), Node, Request(session, ReattachKind.Dead, 2) with { Instance = Restarted })),
        ("reattach, other node", session => new SessionCommand.Reattach(At(T), Other, Request(session, ReattachKind.Dead, 2))),
        ("claim by the owner", session => new SessionCommand.Claim(At(T), Node, NoOne, Request(session, ReattachKind.Dead, 2))),
        ("claim without evidence", session => new SessionCommand.Claim(At(T), Other, NoOne, Request(session, ReattachKind.Dead, 2))),
        ("claim after fencing", session => new SessionCommand.Claim(At(T), Other, Node, Request(session, ReattachKind.Dead, 2))),
        ("claim, used nonce", session => new SessionCommand.Claim(At(T), Other, Node, Request(session, ReattachKind.Dead, 2, session.LastNonce))),
        ("quality bad, short", _ => new SessionCommand.ReportQuality(At(T), Node, Bad(T - 0.9))),
        ("quality bad, held", _ => new SessionCommand.ReportQuality(At(T), Node, Bad(T - 1))),
        ("quality good, short", _ => new SessionCommand.ReportQuality(At(T), Node, Good(T - 9.9))),
        ("quality good, held", _ => new SessionCommand.ReportQuality(At(T), Node, Good(T - 10))),
        ("quality good, long", _ => new SessionCommand.ReportQuality(At(T + 200), Node, Good(T))),
        ("transport lost", session => new SessionCommand.LoseTransport(At(T), Node, session.BindingVersion)),
        ("transport lost, stale", _ => new SessionCommand.LoseTransport(At(T), Node, 77)),
        ("transport lost, fenced", session => new SessionCommand.LoseTransport(At(T), Other, session.BindingVersion, Node)),
        ("release", _ => new SessionCommand.Release(At(T), Node)),
        ("release by another", _ => new SessionCommand.Release(At(T), Other)),
        ("supersede", _ => new SessionCommand.Supersede(At(T), Node, NoOne, new(2))),
        ("supersede by another", _ => new SessionCommand.Supersede(At(T), Other, NoOne, new(2))),
        ("supersede after fencing", _ => new SessionCommand.Supersede(At(T), Other, Node, new(2))),
        .. new[] { ReasonCode.Explicit, ReasonCode.ClientRemoved, ReasonCode.DualClient, ReasonCode.PolicyExceeded, ReasonCode.Ambiguity, ReasonCode.Gone }
            .Select(reason => ("terminate " + reason.Name(), (Func<Session, SessionCommand>)(_ => new SessionCommand.Terminate(At(T), Node, NoOne, reason)))),
        ("terminate by another", _ => new SessionCommand.Terminate(At(T), Other, NoOne, ReasonCode.Explicit)),
        ("tick", _ => new SessionCommand.Tick(At(T), Node, NoOne)),
        ("tick, volatile limit", _ => new SessionCommand.Tick(At(75), Node, NoOne)),
        ("tick, lifetime over", _ => new SessionCommand.Tick(At(90_000), Node, NoOne)),
        ("tick by another, lifetime over", _ => new SessionCommand.Tick(At(90_000), Other, NoOne)),
    ];

    [Fact]
    public void The_table_is_the_approved_one()
    {
        string received = Print();
        string approvedPath = Path.Combine(AppContext.BaseDirectory, "Sessions", "SessionTransitions.approved.txt");
        string approved = File.Exists(approvedPath) ? File.ReadAllText(approvedPath) : "";
        if (received == approved) return;
        string receivedPath = Path.ChangeExtension(approvedPath, null).Replace(".approved", ".received.txt", StringComparison.Ordinal);
        Directory.CreateDirectory(Path.GetDirectoryName(receivedPath)!);
        File.WriteAllText(receivedPath, received);
        Assert.Fail($"the transition table has changed; received: {receivedPath}\n" + Difference(approved, received));
    }

    private static string Print()
    {
        int first = Commands.Max(command => command.Name.Length);
        var rows = Commands.Select(command => (command.Name, Cells: States.Select(state => Cell(state.Session, command.Command(state.Session))).ToArray())).ToList();
        int[] widths = [.. States.Select((state, index) => Math.Max(state.Name.Length, rows.Max(row => row.Cells[index].Length)))];
        var text = new StringBuilder();
        text.AppendLine("What each command does in each state. `-> State REASON`: one event; `.`: nothing to do; otherwise the reason of the refusal.");
        text.AppendLine("Released is Recovering without an owner.").AppendLine();
        Line("", [.. States.Select(state => state.Name)]);
        foreach ((string name, string[] cells) in rows) Line(name, cells);
        return text.ToString().ReplaceLineEndings("\n");

        void Line(string name, string[] cells) =>
            text.AppendLine((name.PadRight(first) + " | " + string.Join(" | ", cells.Select((cell, index) => cell.PadRight(widths[index])))).TrimEnd());
    }

    private static string Cell(Session session, SessionCommand command) => SessionDecider.Decide(session, command, Policy).Match(
        events => events.IsEmpty ? "." : "-> " + After(session, events),
        rejection => rejection.Reason.Name());

    private static string After(Session session, IEnumerable<SessionEvent> events)
    {
        Session next = Story.Apply(session, events);
        return next.State + " " + next.LastReason.Name();
    }

    private static string Difference(string approved, string received)
    {
        string[] old = approved.Split('\n'), now = received.Split('\n');
        return string.Join("\n", old.Except(now).Select(line => "- " + line).Concat(now.Except(old).Select(line => "+ " + line)));
    }
}
