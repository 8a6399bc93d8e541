using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>What a node's control socket says of it, as far as the lab looks at it.</summary>
public sealed record NodeStatus(IReadOnlyList<LabSession> Sessions, IReadOnlyDictionary<string, long> Rejections)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>Null if the node does not answer.</summary>
    public static NodeStatus? TryRead(string controlPath)
    {
        if (!File.Exists(controlPath)) return null;
        try
        {
            using var client = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancellation) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(controlPath), cancellation).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            })
            { Timeout = Limit };
            using HttpResponseMessage answer = client.Send(new HttpRequestMessage(HttpMethod.Get, "http://node/status"));
            if (!answer.IsSuccessStatusCode) return null;
            using var reader = new StreamReader(answer.Content.ReadAsStream(), Encoding.UTF8);
            return Parse(reader.ReadToEnd());
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or IOException or OperationCanceledException)
        {
            // Between two lives of the node its socket is missing, or nobody listens on it.
            return null;
        }
    }

    internal static NodeStatus Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement root = document.RootElement;
        return new NodeStatus(
            [.. root.GetProperty("sessions").EnumerateArray().Select(ParseSession)],
            root.GetProperty("rejections").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt64()));
    }

    private static LabSession ParseSession(JsonElement session)
    {
        JsonElement transport = session.GetProperty("transport");
        return new LabSession(
            session.GetProperty("id").GetString()!,
            session.GetProperty("state").GetString()!,
            session.GetProperty("version").GetInt64(),
            session.GetProperty("switches").GetInt64(),
            transport.ValueKind == JsonValueKind.Object ? transport.GetProperty("uplink").GetString() : null,
            session.GetProperty("last_reason").GetString());
    }
}
