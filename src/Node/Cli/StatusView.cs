using System.Globalization;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Node.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace JumpingVpn.Node.Cli;

/// <summary>A node's status for a terminal. Whatever the socket sent is printed as text, never as markup or escape codes.</summary>
internal static class StatusView
{
    /// <summary>More sessions than this make no picture; `sessions list` prints them all.</summary>
    public const int MaxSessions = 50;

    public static IRenderable Of(NodeStatus status, int width)
    {
        var parts = new List<IRenderable> { Head(status) };
        if (status.Sessions.Count == 0) parts.Add(Plain("  no session"));
        else if (status.Role == "client")
        {
            foreach (SessionStatus session in status.Sessions)
            {
                parts.Add(Details(session));
                if (session.Paths.Count > 0) parts.Add(Paths(session));
            }
        }
        else parts.Add(Sessions([.. status.Sessions.Take(MaxSessions)], width));
        if (status.Sessions.Count > MaxSessions) parts.Add(Plain($"  and {Number(status.Sessions.Count - MaxSessions)} more: jumping-vpn sessions list"));
        if (status.Rejections.Count > 0)
            parts.Add(Plain("  refused: " + string.Join(", ", status.Rejections.OrderByDescending(r => r.Value).Select(r => $"{r.Key} {Number(r.Value)}"))));
        parts.AddRange(status.Telemetry.Warnings.Select(warning => Plain("  warning: " + warning)));
        return new Rows(parts);
    }

    /// <summary>One line a session, with as many columns as <paramref name="width"/> has room for.</summary>
    public static Table Sessions(IReadOnlyList<SessionStatus> sessions, int width)
    {
        (string Name, int Width, Func<SessionStatus, Text> Cell)[] columns =
        [
            ("session", 0, s => Plain(s.Id)),
            ("client", 0, s => Plain(s.Client)),
            ("state", 0, s => State(s.State)),
            ("remote", 95, s => Plain(s.Transport?.Remote ?? "-")),
            ("last reason", 115, s => Plain(s.LastReason)),
            ("switches", 130, s => Plain(Number((long)s.Switches))),
            ("version", 140, s => Plain(Number((long)s.Version))),
            ("rx", 155, s => Plain(Size(s.RxBytes))),
            ("tx", 155, s => Plain(Size(s.TxBytes))),
        ];
        columns = [.. columns.Where(c => c.Width <= width)];
        Table table = NewTable([.. columns.Select(c => c.Name)]);
        foreach (SessionStatus session in sessions) table.AddRow(columns.Select(c => c.Cell(session)));
        return table;
    }

    /// <summary>One line a client of a shared registry.</summary>
    public static Table Clients(IEnumerable<RegistryEntry> clients)
    {
        Table table = NewTable("client", "public key", "addresses");
        foreach (RegistryEntry client in clients) table.AddRow(Plain(client.Name), Plain(client.Key.ToString()), Plain(string.Join(", ", client.Addresses)));
        return table;
    }

    /// <summary>All of one session.</summary>
    public static Grid Details(SessionStatus s)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadLeft(2).PadRight(2)).AddColumn();
        void Add(string name, string value) => grid.AddRow(new Text(name, new Style(decoration: Decoration.Dim)), Plain(value));
        Add("session", s.Id);
        Add("client", $"{s.Client}  {string.Join(", ", s.Addresses)}");
        grid.AddRow(new Text("state", new Style(decoration: Decoration.Dim)), State(s.State));
        Add("last reason", s.LastReason);
        Add("transport", s.Transport is { } t ? $"{t.Uplink ?? "?"}  {t.Local ?? "?"} -> {t.Remote}  since {Time(t.BoundAt)}" : "none");
        Add("version", $"{Number((long)s.Version)}, binding {Number((long)s.BindingVersion)}, key epoch {Number(s.KeyEpoch)}, switches {Number((long)s.Switches)}");
        Add("owner", $"{s.Owner ?? "none"}, epoch {Number((long)s.OwnershipEpoch)}");
        Add("established", Time(s.EstablishedAt));
        Add("received", $"{Size(s.RxBytes)} in {Number((long)s.RxPackets)} packets");
        Add("sent", $"{Size(s.TxBytes)} in {Number((long)s.TxPackets)} packets");
        return grid;
    }

    /// <summary>The paths that a client measures; the bound one is marked.</summary>
    public static Table Paths(SessionStatus s)
    {
        Table table = NewTable("uplink", "endpoint", "path", "rtt", "loss", "mtu", "");
        foreach (PathStatus p in s.Paths)
        {
            table.AddRow(
                Plain(p.Uplink), Plain(p.Endpoint), State(p.State),
                Plain(p.RttMs is { } rtt ? rtt.ToString("0.0", CultureInfo.InvariantCulture) + " ms" : "-"),
                Plain(p.Loss is { } loss ? (loss * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %" : "-"),
                Plain(p.Mtu is { } mtu ? Number(mtu) : "-"),
                Plain(s.Transport is { } t && t.Uplink == p.Uplink && t.Remote == p.Endpoint ? "bound" : ""));
        }
        return table;
    }

    private static Grid Head(NodeStatus status)
    {
        string store = status.Store is { } s ? $"{s.Kind} store {(s.Healthy ? "healthy" : "FAILING")}, {Number(s.LiveEvents)} live events" : "";
        string lease = status.Lease is { } l ? (l.Held ? $"lease for {Number(l.ExpiresInMs)} ms" : "NO LEASE") : "";
        string dropped = status.Telemetry.Dropped > 0 ? $"{Number(status.Telemetry.Dropped)} log lines dropped" : "";
        string rest = string.Join("   ", new[] { store, lease, dropped }.Where(x => x.Length > 0));
        return new Grid().AddColumn().AddColumn().AddRow(
            new Text(Printable.OneLine($"{status.Role} {status.Node}"), new Style(decoration: Decoration.Bold)),
            Plain($"jumping-vpn {status.Version}   {rest}"));
    }

    private static Table NewTable(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple).BorderStyle(new Style(decoration: Decoration.Dim));
        foreach (string column in columns) table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Dim))).NoWrap());
        return table;
    }

    private static Text State(string state) => new(Printable.OneLine(state), new Style(state switch
    {
        "Attached" or "Live" => Color.Green,
        "Volatile" or "Suspect" => Color.Yellow,
        "Degraded" or "Recovering" => Color.Orange1,
        "Terminated" or "Dead" => Color.Red,
        _ => Color.Default,
    }));

    private static Text Plain(string text) => new(Printable.OneLine(text));

    private static string Time(DateTime? time) => time?.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "?";

    private static string Number(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Size(ulong bytes)
    {
        double value = bytes;
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        int unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++) value /= 1024;
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }
}
