using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace JumpingVpn.Node.Cli;

/// <summary>A client as `clients list --json` prints it.</summary>
internal sealed record ClientLine(string Name, string PublicKey, IReadOnlyList<string> Addresses);

/// <summary>Compiled at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ClientLine[]))]
internal sealed partial class ClientsJson : JsonSerializerContext;

/// <summary>The same with keys as they are: their + and / need no escape in JSON that goes to no web page.</summary>
internal static class PlainJson
{
    public static ClientsJson Context { get; } = new(new JsonSerializerOptions(ClientsJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
