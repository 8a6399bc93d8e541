using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace JumpingVpn.Replay.Tests.Browser;

/// <summary>The DevTools protocol over a WebSocket of this machine: commands with answers, and events for whoever asked for them.</summary>
internal sealed class DevTools : IAsyncDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);

    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _waiting = new();
    private readonly ConcurrentDictionary<string, Action<string, JsonNode>> _listeners = new();
    private readonly SemaphoreSlim _sending = new(1);
    private Task _receiving = Task.CompletedTask;
    private int _last;

    public static async Task<DevTools> ConnectAsync(Uri address)
    {
        var tools = new DevTools();
        tools._socket.Options.Proxy = null;
        await tools._socket.ConnectAsync(address, CancellationToken.None);
        tools._receiving = tools.ReceiveAsync();
        return tools;
    }

    /// <summary>Events of one target go to this listener: the method, and its parameters.</summary>
    public void Listen(string session, Action<string, JsonNode> listener) => _listeners[session] = listener;

    /// <summary>Throws if the browser refuses, or does not answer in time.</summary>
    public async Task<JsonNode> SendAsync(string method, JsonObject? parameters = null, string? session = null)
    {
        int id = Interlocked.Increment(ref _last);
        var answer = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = answer;
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (session is not null) message["sessionId"] = session;
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, CancellationToken.None);
        }
        finally
        {
            _sending.Release();
        }
        return await answer.Task.WaitAsync(AnswerLimit);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _receiving;
        _socket.Dispose();
        _sending.Dispose();
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[1 << 16];
        using var message = new MemoryStream();
        try
        {
            while (true)
            {
                WebSocketReceiveResult received = await _socket.ReceiveAsync(buffer, CancellationToken.None);
                if (received.MessageType == WebSocketMessageType.Close) break;
                message.Write(buffer, 0, received.Count);
                if (!received.EndOfMessage) continue;
                Take(JsonNode.Parse(message.ToArray())!);
                message.SetLength(0);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The browser is gone or is being ended: whoever waits is told so.
        }
        foreach (TaskCompletionSource<JsonNode> waiting in _waiting.Values) waiting.TrySetException(new InvalidOperationException("the browser is gone"));
    }

    private void Take(JsonNode message)
    {
        if (message["id"] is { } id)
        {
            if (!_waiting.TryRemove(id.GetValue<int>(), out TaskCompletionSource<JsonNode>? answer)) return;
            if (message["error"] is { } error) answer.SetException(new InvalidOperationException(error.ToJsonString()));
            else answer.SetResult(message["result"]!);
        }
        else if (message["sessionId"] is { } session && _listeners.TryGetValue(session.GetValue<string>(), out Action<string, JsonNode>? listener))
        {
            listener(message["method"]!.GetValue<string>(), message["params"]!);
        }
    }
}
