using System.Text.Json;
using System.Text.Json.Serialization;

namespace JumpingVpn.Node.Control;

/// <summary>One line from an operator: see docs/CONTROL.md.</summary>
public sealed record ControlRequest
{
    public string? Op { get; init; }

    public string? Session { get; init; }
}

/// <summary>The line that answers it. Either <see cref="Ok"/>, or an error with a stable code and a text for people.</summary>
public sealed record ControlResponse
{
    public required bool Ok { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Code { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public NodeStatus? Status { get; init; }

    /// <summary>The next bytes of an export, in base64.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public byte[]? Data { get; init; }

    /// <summary>True while more answers to the same request follow.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? More { get; init; }

    public static ControlResponse Refused(string code, string error) => new() { Ok = false, Code = code, Error = error };
}

/// <summary>Names on the control socket, which scripts may use too: they never change.</summary>
public static class ControlNames
{
    public const string Status = "status";
    public const string Terminate = "terminate";
    public const string Export = "export";

    public const string BadRequest = "bad_request";
    public const string UnknownOperation = "unknown_operation";
    public const string UnknownSession = "unknown_session";
    public const string AlreadyEnded = "already_ended";
    public const string NotStored = "not_stored";
    public const string TooManyConnections = "too_many_connections";
    public const string TimedOut = "timed_out";
    public const string Failed = "failed";
}

/// <summary>Compiled at build time, so that neither start nor first use pays for reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, AllowDuplicateProperties = false, MaxDepth = 16)]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(SessionStatus))]
[JsonSerializable(typeof(IReadOnlyList<SessionStatus>))]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlResponse))]
public sealed partial class ControlJson : JsonSerializerContext;

/// <summary>The same documents, indented for people.</summary>
public static class IndentedJson
{
    public static ControlJson Context { get; } = new(new JsonSerializerOptions(ControlJson.Default.Options) { WriteIndented = true });
}
