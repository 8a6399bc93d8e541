using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using JumpingVpn.Adversary.Codec;

namespace JumpingVpn.Adversary;

/// <summary>How a reattach ended.</summary>
/// <param name="IsBound">BOUND came.</param>
/// <param name="Refusal">The reason number of a REFUSED; 0 if none came.</param>
public readonly record struct ReattachOutcome(bool IsBound, ushort Refusal);

/// <summary>
/// A registered client that keeps to nothing: it makes sessions as the protocol says, and then says whatever a test wants, with right
/// keys. One thread; its socket lives in the namespace of the thread that made it.
/// </summary>
public sealed class HostileClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    private readonly byte[] _privateKey;
    private readonly byte[] _gatewayKey;
    private readonly IPEndPoint _gateway;
    private readonly byte[] _buffer = new byte[2048];
    private uint _nextIndex = 1;
    private ulong _nextCounter;
    private ulong _nextProbe;

    /// <param name="socket">Bound, in the attacker's namespace; belongs to this client.</param>
    public HostileClient(byte[] privateKey, byte[] gatewayKey, IPEndPoint gateway, Socket socket)
    {
        (_privateKey, _gatewayKey, _gateway, Socket) = (privateKey, gatewayKey, gateway, socket);
        socket.ReceiveBufferSize = 1 << 22;
    }

    public Socket Socket { get; set; }

    public byte[] Instance { get; set; } = Crypto.Random(16);

    public byte[] Session { get; private set; } = [];

    public SessionKeys Keys { get; private set; } = null!;

    public EpochKeys Epoch { get; private set; } = null!;

    public byte[] Ticket { get; private set; } = [];

    public ulong Version { get; private set; }

    public ulong BindingVersion { get; private set; }

    public ulong NextNonce { get; set; } = 1;

    /// <summary>Datagrams sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Bytes of all that came back.</summary>
    public long ReceivedBytes { get; private set; }

    /// <summary>A whole handshake; false if the gateway does not make a session within a few tries.</summary>
    public bool Connect()
    {
        for (int attempt = 0; attempt < 10; attempt++)
        {
            var noise = new Noise(_privateKey, _gatewayKey);
            uint index = _nextIndex++;
            byte[] initiation = Wire.Initiation(_gatewayKey, index, noise.First(Wire.InitiationPayload(Instance, 0)));
            byte[]? response = Ask(initiation, WireType.Response, 184);
            if (response is null || noise.Second(response.AsSpan(12)) is not { } payload) continue;
            // The gateway's index stands outside in clear, and inside where nobody can change it.
            if (!response.AsSpan(8, 4).SequenceEqual(payload.AsSpan(20, 4))) continue;
            (EpochKeys epoch, SessionKeys keys) = EpochKeys.FromHandshake(noise, index, BitConverter.ToUInt32(response, 8), payload[16]);
            byte[] confirm = Wire.Confirm(epoch, new byte[16]);
            for (int repeat = 0; repeat < 20; repeat++)
            {
                Send(confirm);
                if (!TryReadBound(epoch, Patience)) continue;
                (Session, Keys) = (payload[..16], keys);
                return true;
            }
        }
        return false;
    }

    /// <summary>A PREPARE of this session; the key share's private half is given out.</summary>
    public byte[] MakePrepare(out byte[] ephemeral, out uint index, byte kind = 1, ulong? nonce = null, ulong? bindingVersion = null, Action<byte[]>? lie = null)
    {
        ephemeral = Crypto.Random(Crypto.KeySize);
        index = _nextIndex++;
        return Wire.Prepare(Keys, Session, index, nonce ?? NextNonce++, bindingVersion ?? BindingVersion, Crypto.PublicKey(ephemeral), Instance, 0, kind, Ticket, lie: lie);
    }

    /// <summary>A whole reattach from this client's address.</summary>
    public ReattachOutcome Reattach(byte kind = 1)
    {
        byte[] prepare = MakePrepare(out byte[] ephemeral, out uint index, kind);
        if (Ask(prepare, WireType.Prepared, 252, WireType.Refused) is not { } answer) return default;
        if (answer[0] == WireType.Refused) return new(false, BitConverter.ToUInt16(answer, 20));
        EpochKeys epoch = EpochKeys.FromReattach(Keys, Crypto.Agree(ephemeral, answer[16..48]), prepare, answer, index);
        byte[] confirm = Wire.Confirm(epoch, answer[48..64]);
        for (int repeat = 0; repeat < 10; repeat++)
        {
            Send(confirm);
            if (TryReadBound(epoch, Patience)) return new(true, 0);
        }
        return default;
    }

    /// <summary>A data packet under the bound epoch with this inner packet, right tag and next counter.</summary>
    public byte[] MakeData(ReadOnlySpan<byte> inner, byte flags = 0) =>
        DataSeal.Seal(Epoch.Suite, Epoch.ClientData, Epoch.RemoteIndex, _nextCounter++, inner, flags);

    /// <summary>A probe with the next counter.</summary>
    public byte[] MakeProbe(bool ticket = false, uint path = 0, int? length = null) =>
        Wire.Probe(Keys, Session, path, ++_nextProbe, Instance, Epoch.RemoteIndex, BindingVersion, ticket ? Ticket : null, length);

    public byte[] MakeEnd(byte kind = 1) => Wire.End(Keys, Session, NextNonce++, Instance, Ticket, kind);

    public void Send(byte[] datagram)
    {
        Sent++;
        Socket.SendTo(datagram, _gateway);
    }

    /// <summary>Sends a request until an answer of one of the types comes; brings a cookie where one is asked for. Null: silence.</summary>
    /// <param name="cookieOffset">Where the request's own MAC ends and the cookie's begins.</param>
    public byte[]? Ask(byte[] request, byte type, int cookieOffset, byte otherType = 0)
    {
        byte[] sent = request;
        for (int attempt = 0; attempt < 5; attempt++)
        {
            Send(sent);
            long end = Stopwatch.GetTimestamp() + (long)(Patience.TotalSeconds * Stopwatch.Frequency);
            while (TryReceive(end) is { } answer)
            {
                if (answer[0] == type || answer[0] == otherType) return answer;
                if (answer[0] != WireType.Cookie || OpenCookie(answer, request, cookieOffset) is not { } cookie) continue;
                sent = Wire.WithCookie(request, cookie);
                Send(sent);
            }
        }
        return null;
    }

    /// <summary>The next datagram; null if none comes within the time.</summary>
    public byte[]? Receive(TimeSpan patience) => TryReceive(Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency));

    public void Dispose() => Socket.Dispose();

    private byte[]? TryReceive(long end)
    {
        long microseconds = (end - Stopwatch.GetTimestamp()) * 1_000_000 / Stopwatch.Frequency;
        if (!Socket.Poll((int)Math.Clamp(microseconds, 0, int.MaxValue), SelectMode.SelectRead)) return null;
        int length = Socket.Receive(_buffer);
        ReceivedBytes += length;
        return _buffer[..length];
    }

    private bool TryReadBound(EpochKeys epoch, TimeSpan patience)
    {
        long end = Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency);
        while (TryReceive(end) is { } datagram)
        {
            if (datagram.Length != WireType.BoundSize || datagram[0] != WireType.Bound || BitConverter.ToUInt32(datagram, 4) != epoch.LocalIndex) continue;
            if (Crypto.Open(epoch.GatewayControl, 0, datagram.AsSpan(0, 8), datagram.AsSpan(8)) is not { } content) continue;
            Version = BinaryPrimitives.ReadUInt64LittleEndian(content);
            BindingVersion = BinaryPrimitives.ReadUInt64LittleEndian(content.AsSpan(8));
            Ticket = content[492..616];
            (Epoch, _nextCounter) = (epoch, 0);
            return true;
        }
        return false;
    }

    private byte[]? OpenCookie(byte[] answer, byte[] request, int cookieOffset)
    {
        // The first 16 bytes of the proof; MAC1 is as long as that.
        int mac = cookieOffset - (request[0] == WireType.Initiation ? 16 : 32);
        byte[] cookie = new byte[16];
        return Infrastructure.Crypto.Sodium.XChaCha20Poly1305.TryOpen(
            Wire.CookieKey(_gatewayKey), answer.AsSpan(8, 24), request.AsSpan(mac, 16), answer.AsSpan(32, 32), cookie) ? cookie : null;
    }
}
