using System.CommandLine;
using System.Text.Json;
using JumpingVpn.Node.Control;
using Spectre.Console;

namespace JumpingVpn.Node.Cli;

/// <summary>`status`: what a running node says about itself.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(1);

    public static Command Make()
    {
        Option<string?> control = ControlOption.Make();
        Option<bool> json = ControlOption.MakeJson();
        var watch = new Option<bool>("--watch") { Description = "Show it again every second until Ctrl-C; with --json, one document a line." };
        var command = new Command("status", "Show a running node: its sessions, their transports and paths, what it refused, its store.") { control, json, watch };
        command.SetAction(parsed => ControlOption.With(parsed.GetValue(control), client => (parsed.GetValue(watch), parsed.GetValue(json)) switch
        {
            (false, false) => Print(client),
            (false, true) => PrintJson(client, IndentedJson.Context),
            (true, true) => WatchJson(client),
            (true, false) => Watch(client),
        }));
        return command;
    }

    private static int Print(ControlClient client)
    {
        if (ControlOption.AskStatus(client) is not { } status) return ExitCode.Failed;
        IAnsiConsole console = Terminal.Open();
        console.Write(StatusView.Of(status, console.Profile.Width));
        return ExitCode.Done;
    }

    private static int PrintJson(ControlClient client, ControlJson context)
    {
        if (ControlOption.AskStatus(client) is not { } status) return ExitCode.Failed;
        Console.Out.WriteLine(JsonSerializer.Serialize(status, context.NodeStatus));
        return ExitCode.Done;
    }

    private static int WatchJson(ControlClient client)
    {
        while (true)
        {
            if (PrintJson(client, ControlJson.Default) is var code and not ExitCode.Done) return code;
            Thread.Sleep(Refresh);
        }
    }

    private static int Watch(ControlClient client)
    {
        IAnsiConsole console = Terminal.Open();
        if (!console.Profile.Capabilities.Interactive)
        {
            while (Print(client) == ExitCode.Done) Thread.Sleep(Refresh);
            return ExitCode.Failed;
        }
        // Ctrl-C must leave the cursor as it was found.
        using var stop = new ManualResetEventSlim();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            stop.Set();
        };
        NodeStatus? status = ControlOption.AskStatus(client);
        if (status is null) return ExitCode.Failed;
        console.Live(StatusView.Of(status, console.Profile.Width)).AutoClear(false).Overflow(VerticalOverflow.Crop).Start(live =>
        {
            while (!stop.Wait(Refresh) && status is not null)
            {
                status = ControlOption.AskStatus(client);
                if (status is not null) live.UpdateTarget(StatusView.Of(status, console.Profile.Width));
            }
        });
        return status is null ? ExitCode.Failed : ExitCode.Done;
    }
}
