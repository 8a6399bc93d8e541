using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;

namespace JumpingVpn.Infrastructure.Tests.DataPlane;

/// <summary>The other side of a transport: a plain UDP socket and the wire format written down a second time, with .NET's own AES-GCM.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000, ReceiveBufferSize = 4 << 20 };
    private readonly byte[] _buffer = new byte[70_000];

    public Peer()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    }

    public Endpoint Address => Endpoint.From((IPEndPoint)_socket.LocalEndPoint!);

    /// <summary>Where the data plane listens.</summary>
    public Endpoint Plane { get; set; }

    /// <summary>Where the last packet came from.</summary>
    public Endpoint LastSource { get; private set; }

    public void Send(ReadOnlySpan<byte> datagram) => _socket.SendTo(datagram, Plane.ToIPEndPoint());

    /// <summary>Seals an inner packet as the wire format says and sends it.</summary>
    public void Send(EpochKeys keys, ulong counter, ReadOnlySpan<byte> inner, byte flags = 0) => Send(Seal(keys, counter, inner, flags));

    public static byte[] Seal(EpochKeys keys, ulong counter, ReadOnlySpan<byte> inner, byte flags = 0)
    {
        byte[] datagram = new byte[16 + inner.Length + 16];
        datagram[0] = 4;
        datagram[1] = flags;
        BinaryPrimitives.WriteUInt32LittleEndian(datagram.AsSpan(4), keys.LocalIndex);
        BinaryPrimitives.WriteUInt64LittleEndian(datagram.AsSpan(8), counter);
        using var aead = new AesGcm(keys.Receive, 16);
        aead.Encrypt([.. datagram[..4], .. datagram[8..16]], inner, datagram.AsSpan(16, inner.Length), datagram.AsSpan(16 + inner.Length));
        return datagram;
    }

    /// <summary>The next data packet from the data plane, opened.</summary>
    public (uint Index, ulong Counter, byte Flags, byte[] Inner) Receive(params EpochKeys[] keys)
    {
        EndPoint source = new IPEndPoint(IPAddress.Any, 0);
        int length = _socket.ReceiveFrom(_buffer, ref source);
        LastSource = Endpoint.From((IPEndPoint)source);
        ReadOnlySpan<byte> datagram = _buffer.AsSpan(0, length);
        Assert.Equal(4, datagram[0]);
        uint index = BinaryPrimitives.ReadUInt32LittleEndian(datagram[4..]);
        EpochKeys epoch = keys.Single(k => k.RemoteIndex == index);
        byte[] inner = new byte[length - 32];
        using var aead = new AesGcm(epoch.Send, 16);
        aead.Decrypt([.. datagram[..4], .. datagram[8..16]], datagram[16..^16], datagram[^16..], inner);
        return (index, BinaryPrimitives.ReadUInt64LittleEndian(datagram[8..]), datagram[1], inner);
    }

    /// <summary>True if nothing comes within the time.</summary>
    public bool HearsNothing(int milliseconds = 100) => !_socket.Poll(milliseconds * 1000, SelectMode.SelectRead);

    public void Dispose() => _socket.Dispose();
}

/// <summary>An epoch's keys in the clear, and as the data plane gets them.</summary>
internal sealed class EpochKeys
{
    public EpochKeys(SecretArena secrets, uint localIndex, uint remoteIndex)
    {
        LocalIndex = localIndex;
        RemoteIndex = remoteIndex;
        Traffic = new(CipherSuite.Aes256Gcm, secrets.Store(Send), secrets.Store(Receive), localIndex, remoteIndex);
    }

    public byte[] Send { get; } = RandomNumberGenerator.GetBytes(32);

    public byte[] Receive { get; } = RandomNumberGenerator.GetBytes(32);

    public uint LocalIndex { get; }

    public uint RemoteIndex { get; }

    public TrafficKeys Traffic { get; }
}
