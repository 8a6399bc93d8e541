using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Replay.Reports;

/// <summary>
/// Writes what the page's script draws. Every text goes through <see cref="Printable"/> and the strict encoder, which leaves neither
/// `&lt;` nor anything beyond ASCII: no file can end the element that the data stands in. Equal texts are written once.
/// </summary>
internal sealed class ReportData
{
    private const int FlushBytes = 1 << 16;

    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _texts = [];
    private readonly ReportContent _content;
    private readonly Utf8JsonWriter _json;
    private readonly long _start;

    private ReportData(ReportContent content, Utf8JsonWriter json)
    {
        (_content, _json) = (content, json);
        _start = ReportContent.Bounded(content.Lanes.Start);
    }

    public static void Write(ReportContent content, Stream output)
    {
        using var json = new Utf8JsonWriter(output);
        new ReportData(content, json).Write();
    }

    private void Write()
    {
        _json.WriteStartObject();
        _json.WriteNumber("start", _start);
        _json.WriteNumber("span", Since(_content.Lanes.End));
        Lanes();
        _json.WriteStartArray("paths");
        foreach (SampleLane lane in _content.Samples) Samples(lane);
        _json.WriteEndArray();
        _json.WriteStartArray("rows");
        foreach (ReportRow row in _content.Rows) Row(row);
        _json.WriteEndArray();
        _json.WriteStartArray("states");
        foreach (SessionState state in Enum.GetValues<SessionState>()) _json.WriteStringValue(state.ToString());
        _json.WriteEndArray();
        // Last, because the others fill it.
        _json.WriteStartArray("texts");
        foreach (string text in _texts) _json.WriteStringValue(text);
        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void Lanes()
    {
        IncidentLanes lanes = _content.Lanes;
        _json.WriteStartArray("lanes");
        Lane("State", "", lanes.States, static span => new(span.What.ToString(), (int)span.What, ""));
        foreach ((string node, ImmutableArray<LaneSpan<SessionState>> states) in lanes.Clients.Take(ReportLimits.Clients))
            Lane("State, client's view", node, states, static span => new(span.What.ToString(), (int)span.What, ""));
        Lane("Transport", "", lanes.Transports, static span => new(
            span.What.Remote, -1, string.Create(CultureInfo.InvariantCulture, $"path {span.What.Path}, to {span.What.Local} at {span.What.Node}, id {span.What.Id}")));
        foreach ((string node, ImmutableArray<LaneSpan<string>> transports) in _content.ClientTransports.Take(ReportLimits.Clients))
            Lane("Transport, client's view", node, transports, static span => new(span.What, -1, ""));
        Lane("Owner", "", lanes.Owners, static span => new(
            span.What.Owner?.Node ?? "no owner", span.What.Owner is null ? -2 : -1,
            string.Create(CultureInfo.InvariantCulture, $"ownership epoch {span.What.Epoch}{(span.What.Owner is { } owner ? ", " + owner : "")}")));
        _json.WriteEndArray();
    }

    private sealed record Label(string Text, int Colour, string Detail);

    /// <param name="label">Colour: a state's number, -1 for one of the label's own, -2 for none.</param>
    private void Lane<T>(string title, string node, ImmutableArray<LaneSpan<T>> spans, Func<LaneSpan<T>, Label> label)
    {
        if (spans.IsEmpty) return;
        _json.WriteStartObject();
        _json.WriteString("title", title);
        _json.WriteNumber("node", Text(node));
        _json.WriteStartArray("spans");
        foreach (LaneSpan<T> span in spans)
        {
            Label shown = label(span);
            _json.WriteStartArray();
            _json.WriteNumberValue(Since(span.From));
            _json.WriteNumberValue(Since(span.Until));
            _json.WriteNumberValue(span.FromVersion);
            _json.WriteNumberValue(Text(shown.Text));
            _json.WriteNumberValue(shown.Colour);
            _json.WriteNumberValue(Text(shown.Detail));
            _json.WriteEndArray();
            Flush();
        }
        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    /// <summary>Columns: time since the point before in microseconds, round trip in microseconds or -1, loss in millionths, state, bound.</summary>
    private void Samples(SampleLane lane)
    {
        _json.WriteStartObject();
        _json.WriteNumber("node", Text(lane.Node));
        _json.WriteNumber("path", Text(lane.Path));
        _json.WriteNumber("worst", lane.Worst);
        long previous = _start;
        Column("t", point =>
        {
            long at = Math.Max(previous, ReportContent.Bounded(new(point.Micros))), since = at - previous;
            previous = at;
            return since;
        });
        Column("rtt", static point => point.RttMicros ?? -1);
        Column("loss", static point => point.LossPpm);
        Column("state", static point => point.State);
        Column("bound", static point => point.IsBound ? 1 : 0);
        _json.WriteEndObject();

        void Column(string name, Func<SamplePoint, long> read)
        {
            _json.WriteStartArray(name);
            foreach (SamplePoint point in lane.Points) _json.WriteNumberValue(read(point));
            _json.WriteEndArray();
            Flush();
        }
    }

    private void Row(ReportRow row)
    {
        _json.WriteStartArray();
        _json.WriteNumberValue(Since(row.Shown.At));
        _json.WriteNumberValue((int)row.Kind);
        _json.WriteNumberValue(row.Shown.Version);
        _json.WriteNumberValue(row.Shown.State is { } state ? (int)state : -1);
        _json.WriteNumberValue(Text(row.Shown.Node));
        _json.WriteNumberValue(Text(row.Shown.Reason));
        _json.WriteNumberValue(Text(row.Shown.Detail));
        _json.WriteNumberValue(row.Cause is { } cause ? Text(cause) : -1);
        _json.WriteStartArray();
        foreach ((string name, string value) in row.Facts)
        {
            _json.WriteNumberValue(Text(name));
            _json.WriteNumberValue(Text(value));
        }
        _json.WriteEndArray();
        _json.WriteStartArray();
        foreach ((string name, string before, string after) in row.Changes)
        {
            _json.WriteNumberValue(Text(name));
            _json.WriteNumberValue(Text(before));
            _json.WriteNumberValue(Text(after));
        }
        _json.WriteEndArray();
        _json.WriteEndArray();
        Flush();
    }

    private long Since(WallTime at) => Math.Max(0, ReportContent.Bounded(at) - _start);

    private int Text(string text)
    {
        if (_numbers.TryGetValue(text, out int number)) return number;
        _numbers.Add(text, number = _texts.Count);
        _texts.Add(Printable.OneLine(text));
        return number;
    }

    private void Flush()
    {
        if (_json.BytesPending > FlushBytes) _json.Flush();
    }
}
