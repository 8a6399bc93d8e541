using System.Text.Json;

namespace JumpingVpn.Domain.Tests.Protocol.Noise;

/// <summary>Reads tests/Domain.Tests/Vectors/noise.json, whose head names the source.</summary>
public sealed record NoiseVector(
    string Protocol, byte[] Prologue, byte[] InitiatorStatic, byte[] InitiatorEphemeral, byte[] ResponderPublic, byte[] ResponderStatic,
    byte[] ResponderEphemeral, byte[]? PresharedKey, byte[] HandshakeHash, IReadOnlyList<(byte[] Payload, byte[] Ciphertext)> Messages)
{
    public static IReadOnlyList<NoiseVector> All { get; } = Load();

    public static NoiseVector Named(string protocol) => All.Single(v => v.Protocol == protocol);

    private static List<NoiseVector> Load()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", "noise.json")));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray().Select(Parse)];
    }

    private static NoiseVector Parse(JsonElement vector)
    {
        byte[] Hex(string name) => Convert.FromHexString(vector.GetProperty(name).GetString()!);
        return new(
            vector.GetProperty("protocol_name").GetString()!,
            Hex("init_prologue"),
            Hex("init_static"),
            Hex("init_ephemeral"),
            Hex("init_remote_static"),
            Hex("resp_static"),
            Hex("resp_ephemeral"),
            vector.TryGetProperty("init_psks", out JsonElement psks) ? Convert.FromHexString(psks[0].GetString()!) : null,
            Hex("handshake_hash"),
            [.. vector.GetProperty("messages").EnumerateArray().Select(m => (
                Convert.FromHexString(m.GetProperty("payload").GetString()!), Convert.FromHexString(m.GetProperty("ciphertext").GetString()!)))]);
    }
}
