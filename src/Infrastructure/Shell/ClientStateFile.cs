using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Linux;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// The client's resumption on disk, sealed with XChaCha20-Poly1305 under a key from the client's private key, with this
/// machine's id as associated data: an altered, truncated or foreign file does not open, and is never overwritten. Layout:
/// 8 bytes magic and version, 24 nonce, sealed (gateway 32, session 16, binding version 8, reserved nonces 8, instance count 1,
/// instances 16 x 16, ticket, root 32), tag 16.
/// </summary>
public sealed class ClientStateFile : IDisposable
{
    private const int HeaderSize = 8;
    private const int PlaintextSize =
        PublicKey.Size + SessionId.Size + 8 + 8 + 1 + ClientResumption.MaxInstances * InstanceId.Size + Ticket.Size;
    private const int SealedOffset = HeaderSize + ICryptography.LongNonceSize;
    private const int Size = SealedOffset + PlaintextSize + ICryptography.SecretSize + ICryptography.TagSize;

    private readonly string _path;
    private readonly SodiumCryptography _crypto;
    private readonly SecretHandle _key;
    private readonly byte[] _associated;

    /// <param name="identity">The client's private key; borrowed for the length of the call.</param>
    public ClientStateFile(string path, SodiumCryptography crypto, SecretHandle identity)
    {
        _path = path;
        _crypto = crypto;
        _key = crypto.Expand(identity, "jumping-vpn client state"u8);
        _associated = [.. Header, .. Encoding.UTF8.GetBytes(MachineId())];
    }

    private static ReadOnlySpan<byte> Header => "JVPNST\0\u0001"u8;

    /// <summary>
    /// Reads the file: none if there is none. Left, in one line, if it cannot be opened; it is left as it is. On success the caller
    /// owns the root's handle.
    /// </summary>
    public Either<string, Option<ClientResumption>> Read()
    {
        byte[] bytes;
        try
        {
            if (!File.Exists(_path)) return Option<ClientResumption>.None;
            bytes = File.ReadAllBytes(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{_path}: {e.Message}";
        }
        if (bytes.Length != Size || !bytes.AsSpan(0, HeaderSize).SequenceEqual(Header))
            return $"{_path}: not a state file of this version, or truncated ({bytes.Length} bytes, not {Size}); move it away to begin a new session";
        Span<byte> plaintext = stackalloc byte[PlaintextSize];
        if (!_crypto.TryOpenLong(_key, bytes.AsSpan(HeaderSize, ICryptography.LongNonceSize), _associated, bytes.AsSpan(SealedOffset), plaintext, out SecretHandle root))
            return $"{_path}: does not open with this private key on this machine: altered, or copied from elsewhere; move it away to begin a new session";
        return Prelude.Some(Decode(plaintext, root));
    }

    /// <summary>Seals a resumption; what comes back may be written on any thread.</summary>
    public byte[] Seal(ClientResumption resumption)
    {
        byte[] bytes = new byte[Size];
        Header.CopyTo(bytes);
        Span<byte> nonce = bytes.AsSpan(HeaderSize, ICryptography.LongNonceSize);
        RandomNumberGenerator.Fill(nonce);
        Span<byte> plaintext = stackalloc byte[PlaintextSize];
        Encode(resumption, plaintext);
        _crypto.SealLong(_key, nonce, _associated, plaintext, resumption.Root, bytes.AsSpan(SealedOffset));
        return bytes;
    }

    /// <summary>Replaces the file durably. Null when done; otherwise why not, in one line.</summary>
    public string? Write(ReadOnlySpan<byte> sealedState)
    {
        try
        {
            SecureFile.Replace(_path, sealedState);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            return $"{_path}: {e.Message}";
        }
    }

    /// <summary>Removes the file. Null when it is gone; otherwise why not.</summary>
    public string? Delete()
    {
        try
        {
            File.Delete(_path);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{_path}: {e.Message}";
        }
    }

    public void Dispose() => _crypto.Release(_key);

    /// <summary>What systemd keeps for this purpose (machine-id(5)); a host without one is bound to its name.</summary>
    private static string MachineId()
    {
        try
        {
            return File.ReadAllText("/etc/machine-id").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "host " + Environment.MachineName;
        }
    }

    private static void Encode(ClientResumption resumption, Span<byte> bytes)
    {
        bytes.Clear();
        resumption.Gateway.Write(bytes);
        resumption.Session.Write(bytes[32..]);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[48..], resumption.BindingVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], resumption.NonceReservedUpTo);
        ImmutableArray<InstanceId> newest = [.. resumption.Instances.TakeLast(ClientResumption.MaxInstances)];
        bytes[64] = (byte)newest.Length;
        for (int i = 0; i < newest.Length; i++) newest[i].Write(bytes[(65 + i * InstanceId.Size)..]);
        resumption.Ticket.Span.CopyTo(bytes[(PlaintextSize - Ticket.Size)..]);
    }

    private static ClientResumption Decode(ReadOnlySpan<byte> bytes, SecretHandle root)
    {
        int count = Math.Min(bytes[64], (byte)ClientResumption.MaxInstances);
        var instances = ImmutableArray.CreateBuilder<InstanceId>(count);
        for (int i = 0; i < count; i++) instances.Add(InstanceId.Read(bytes[(65 + i * InstanceId.Size)..]));
        return new(PublicKey.Read(bytes), SessionId.Read(bytes[32..]), root, bytes[(PlaintextSize - Ticket.Size)..].ToArray(),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]), instances.MoveToImmutable());
    }
}
