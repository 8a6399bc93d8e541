using JumpingVpn.Adversary.Codec;

namespace JumpingVpn.Adversary.Flood;

/// <summary>What an attacker may know.</summary>
/// <param name="GatewayKey">The gateway's public key.</param>
/// <param name="Session">A session id that was seen on the path, or was one's own.</param>
/// <param name="Index">A receiver index of the gateway that was seen on the path.</param>
/// <param name="Datagram">A whole datagram that was seen on the path.</param>
public sealed record FloodKnowledge(byte[] GatewayKey, byte[]? Session = null, uint Index = 0, byte[]? Datagram = null);

/// <summary>Makes the datagrams of a flood, each different from the others where its kind allows.</summary>
public static class FloodDatagrams
{
    public static byte[] Make(FloodKind kind, FloodKnowledge known, int number) => kind switch
    {
        FloodKind.Initiation => Initiation(known, new Noise(Crypto.Random(32), known.GatewayKey).First(Wire.InitiationPayload(Crypto.Random(16), 0))),
        FloodKind.InitiationBadMac => Typed(WireType.Initiation, WireType.InitiationSize),
        FloodKind.InitiationGarbage => Initiation(known, Crypto.Random(160)),
        FloodKind.ReattachRandomId => Reattach(Crypto.Random(WireType.IdSize)),
        FloodKind.ReattachWrongProof => Reattach(Needed(known.Session, "a session id")),
        FloodKind.EndWrongProof => WithId(Typed(WireType.End, WireType.EndSize), Needed(known.Session, "a session id")),
        FloodKind.ProbeWrongMac => Probe(Needed(known.Session, "a session id")),
        FloodKind.Confirm => Typed(WireType.Confirm, WireType.ConfirmSize),
        FloodKind.Cookie => Typed(WireType.Cookie, WireType.CookieSize),
        FloodKind.DataRandomIndex => [.. Wire.DataHeader(BitConverter.ToUInt32(Crypto.Random(4)), (ulong)number), .. Crypto.Random(100)],
        FloodKind.DataGarbage => [.. Wire.DataHeader(known.Index, (ulong)number + 1_000_000), .. Crypto.Random(100)],
        FloodKind.Replay => Needed(known.Datagram, "a datagram"),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static byte[] Initiation(FloodKnowledge known, byte[] noise) =>
        Wire.Initiation(known.GatewayKey, BitConverter.ToUInt32(Crypto.Random(4)), noise);

    private static byte[] Reattach(byte[] session)
    {
        byte[] bytes = WithId(Typed(WireType.Prepare, WireType.PrepareSize), session);
        bytes[92] = 1;
        bytes[94] = bytes[95] = 0;
        bytes[89] = bytes[90] = bytes[91] = 0;
        bytes.AsSpan(252).Clear();
        return bytes;
    }

    private static byte[] Probe(byte[] session)
    {
        byte[] bytes = WithId(Typed(WireType.Probe, WireType.ProbeSize), session);
        BitConverter.TryWriteBytes(bytes.AsSpan(104), (ushort)WireType.ProbeSize);
        bytes.AsSpan(106, 6).Clear();
        return bytes;
    }

    private static byte[] Typed(byte type, int size) => [type, 0, 0, 0, .. Crypto.Random(size - 4)];

    private static byte[] WithId(byte[] bytes, byte[] session)
    {
        session.CopyTo(bytes, 4);
        return bytes;
    }

    private static byte[] Needed(byte[]? value, string what) => value ?? throw new ArgumentException($"this flood needs {what}");
}
