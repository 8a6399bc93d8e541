using System.Globalization;
using JumpingVpn.Node.Lab.Tunnels;
using Spectre.Console;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>What the demo prints: colours on a terminal, plain lines elsewhere.</summary>
internal sealed class DemoScreen(IAnsiConsole console)
{
    private const int PlainWidth = 140;
    private readonly Lock gate = new();

    public static DemoScreen Create()
    {
        IAnsiConsole console = AnsiConsole.Console;
        // Without a terminal lines would wrap at 80 columns, in the middle of what a script may look for.
        if (Console.IsOutputRedirected) console.Profile.Width = PlainWidth;
        return new DemoScreen(console);
    }

    public void Network()
    {
        Line("[bold]Jumping VPN demo[/]: a client with two uplinks, two NAT routers and a gateway, in network namespaces");
        Line("");
        Line("    client --wan1-- router 1 --\\");
        Line("         \\--wan2-- router 2 ---+-- gateway");
        Line("");
    }

    public void Ready(LabSession session, TimeSpan elapsed)
    {
        Line(Text($"Session [bold]{session.Id}[/] is {session.State} by {session.Uplink}, {elapsed.TotalSeconds:0.0} s after the start."));
        Line("A ping every 10 ms and a TCP transfer run through the tunnel.");
    }

    public void Step(int number, DemoStep step)
    {
        Line("");
        Line(Text($"[bold]{number}. {Markup.Escape(step.Title)}[/]"));
    }

    /// <summary>One change of the session, as it happens.</summary>
    public void Change(LabSession? before, LabSession now, double sinceMilliseconds)
    {
        string colour = now.State switch { "Attached" => "green", "Terminated" => "red", _ => "yellow" };
        string way = before?.Uplink is { } old && now.Uplink is { } next && old != next ? $"{old} -> {next}" : now.Uplink ?? "no transport";
        Line(Text($"   {sinceMilliseconds,6:0} ms  [{colour}]{now.State,-10}[/]  {now.LastReason}  {way}  (version {now.Version})"));
    }

    public void StepResult(DemoStepResult result, long received) => Line(Text(
        $"   outage [bold]{result.OutageMilliseconds:0} ms[/], {result.Lost} of {result.Sent} pings lost; TCP has carried {received / 1e6:0.0} MB"));

    public void Summary(DemoOutcome outcome)
    {
        Line("");
        var table = new Spectre.Console.Table { Border = console.Profile.Capabilities.Ansi ? TableBorder.Rounded : TableBorder.Ascii };
        table.AddColumn("").AddColumn("").HideHeaders();
        table.AddRow("session id before", outcome.Before.Id);
        table.AddRow("session id after", outcome.After?.Id ?? "none");
        table.AddRow("jumps", outcome.Jumps.ToString(CultureInfo.InvariantCulture));
        table.AddRow("longest outage", Text($"{outcome.LongestOutage:0} ms"));
        table.AddRow("packets lost", Text($"{outcome.Lost} of {outcome.Sent} pings"));
        table.AddRow("TCP connection", outcome.TcpAlive ? Text($"alive, {outcome.Transferred / 1e6:0.0} MB intact") : "DEAD");
        lock (gate) console.Write(table);
    }

    public void Verdict(IReadOnlyList<string> problems)
    {
        if (problems.Count == 0) Line("[green]The session held.[/]");
        foreach (string problem in problems) Line($"[red]FAILED[/]: {Markup.Escape(problem)}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Line(string markup)
    {
        lock (gate) console.MarkupLine(markup);
    }
}
