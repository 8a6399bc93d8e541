using System.Text.Json;
using System.Text.Json.Serialization;

namespace JumpingVpn.Node.Cli;

/// <summary>A client as `clients list --json` prints it.</summary>
internal sealed record ClientLine(string Name, string PublicKey, IReadOnlyList<string> Addresses);

/// <summary>Compiled at build time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ClientLine[]))]
internal sealed partial class ClientsJson : JsonSerializerContext;
