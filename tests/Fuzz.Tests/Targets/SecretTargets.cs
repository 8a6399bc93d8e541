using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Simulation.Tests.Kernel;
using LanguageExt;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>Tickets, sealed with the shipped cryptography: a changed one does not open, and no secret is left of the attempt.</summary>
internal sealed class TicketTarget : FuzzTarget
{
    private static readonly ByteField[] Fields = [new(0, 4), new(4, 24), new(28, 16), new(44, 32), new(76, 32), new(108, 16)];

    private readonly SecretArena _arena = new(256);
    private readonly SodiumCryptography _crypto;
    private readonly ClusterKeys _keys;
    private readonly byte[][] _tickets;
    private readonly int _lasting;

    public TicketTarget()
    {
        _crypto = new(_arena);
        _keys = ClusterKeys.Derive(_crypto, [Key(1), Key(2)]);
        _tickets = [.. Enumerable.Range(0, 4).Select(i => new Ticket(new SessionId((UInt128)(i + 1) << 64), PublicKey.Read(Pattern(i)), Key(10 + i)).Seal(_crypto, _keys, Key(20 + i)))];
        _lasting = _arena.Live;
    }

    public override string Name => "ticket";

    public override bool RefusesAll => true;

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[] bytes = ByteMutation.Mutate(random, random.Pick(_tickets), Fields, _tickets, keepsLength: random.Chance(80));
        return _tickets.Any(ticket => ticket.AsSpan().SequenceEqual(bytes)) ? null : new(bytes);
    }

    public override bool Take(FuzzInput input)
    {
        bool opens = Ticket.TryOpen(_crypto, _keys, input.Bytes, out _);
        FuzzFailure.Require(!opens, "a changed ticket opens");
        FuzzFailure.Require(_arena.Live == _lasting, "a secret is left of a ticket that did not open");
        return false;
    }

    protected override void Close() => _arena.Dispose();

    private SecretHandle Key(int number) => _crypto.Import(Pattern(number));

    private static byte[] Pattern(int number)
    {
        byte[] bytes = new byte[32];
        bytes.AsSpan().Fill((byte)(17 * number));
        bytes[31] = (byte)number;
        return bytes;
    }
}

/// <summary>
/// The client's state file. Half of the inputs are changed as files: they do not open. The other half are changed inside and sealed
/// again with the right key, as a bug or a thief of the key might: they are read to the end, within bounds.
/// </summary>
internal sealed class StateFileTarget : FuzzTarget
{
    private const int SealedOffset = 32;
    private const int PlaintextSize = 32 + 16 + 8 + 8 + 1 + (16 * 16) + 124;
    private const int Resealed = 1;

    private static readonly byte[] Root = [.. Enumerable.Repeat((byte)7, 32)];

    private readonly SecretArena _arena = new(256);
    private readonly SodiumCryptography _crypto;
    private readonly SecretHandle _key;
    private readonly ClientStateFile _file;
    private readonly string _directory = Scratch.Directory();
    private readonly byte[] _associated;
    private readonly byte[] _whole;
    private readonly byte[] _plaintext;

    public StateFileTarget()
    {
        _crypto = new(_arena);
        SecretHandle identity = _crypto.Import([.. Enumerable.Repeat((byte)3, 32)]);
        _key = _crypto.Expand(identity, "jumping-vpn client state"u8);
        _file = new(Path, _crypto, identity);
        _associated = [.. "JVPNST\0\u0001"u8, .. Encoding.UTF8.GetBytes(File.Exists("/etc/machine-id") ? File.ReadAllText("/etc/machine-id").Trim() : "host " + Environment.MachineName)];
        _plaintext = Corpus.Files("state")[0];
        _whole = Seal(_plaintext);
        FuzzFailure.Require(_plaintext.Length == PlaintextSize, "the corpus of the state file has another size");
        FuzzFailure.Require(Take(new(_whole, 0, Resealed)), "a genuine state file is not read");
    }

    public override string Name => "state-file";

    public override FuzzInput? Draw(SimRandom random)
    {
        if (random.Chance(50)) return new(Seal(ByteMutation.Mutate(random, _plaintext, [new(0, 32), new(32, 16), new(48, 8), new(56, 8), new(64, 1)], [], keepsLength: true)), 0, Resealed);
        byte[] bytes = ByteMutation.Mutate(random, _whole, [new(0, 8), new(8, 24), new(_whole.Length - 16, 16)], [], keepsLength: random.Chance(60));
        return bytes.AsSpan().SequenceEqual(_whole) ? null : new(bytes);
    }

    public override bool Take(FuzzInput input)
    {
        File.WriteAllBytes(Path, input.Bytes);
        int live = _arena.Live;
        Either<string, Option<ClientResumption>> read = _file.Read();
        bool isRead = read.Match(found => found.Match(
            resumption =>
            {
                _crypto.Release(resumption.Root);
                FuzzFailure.Require(resumption.Instances.Length <= ClientResumption.MaxInstances, "too many instances");
                return true;
            },
            () => throw new FuzzFailure("the file is said not to be there")), problem =>
            {
                FuzzFailure.Require(!problem.Contains('\n', StringComparison.Ordinal), "an error is more than one line");
                return false;
            });
        FuzzFailure.Require(isRead == (input.Way == Resealed), isRead ? "a changed file opens" : "a sealed file does not open");
        FuzzFailure.Require(_arena.Live == live, "a secret is left");
        return isRead;
    }

    protected override void Close()
    {
        _file.Dispose();
        _arena.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Path => System.IO.Path.Combine(_directory, "client.state");

    private byte[] Seal(byte[] plaintext)
    {
        byte[] file = new byte[SealedOffset + PlaintextSize + 32 + 16];
        "JVPNST\0\u0001"u8.CopyTo(file);
        SHA256.HashData(plaintext).AsSpan(0, ICryptography.LongNonceSize).CopyTo(file.AsSpan(8));
        SecretHandle root = _crypto.Import(Root);
        _crypto.SealLong(_key, file.AsSpan(8, ICryptography.LongNonceSize), _associated, plaintext, root, file.AsSpan(SealedOffset));
        _crypto.Release(root);
        return file;
    }
}

/// <summary>
/// Handshakes with the shipped cryptography: a responder that is given changed first messages, and an initiator that is given changed
/// answers. None completes, and no secret is left.
/// </summary>
internal sealed class NoiseTarget : FuzzTarget
{
    private const int Answer = 1;

    private static readonly ByteField[] First = [new(0, 32), new(32, 32), new(64, 16), new(80, 64), new(144, 16)];
    private static readonly ByteField[] Second = [new(0, 32), new(32, 32), new(64, 16)];

    private readonly SecretArena _arena = new(512);
    private readonly SodiumCryptography _crypto;
    private readonly NoiseKeyPair _gateway;
    private readonly NoiseInitiator _initiator;
    private readonly byte[] _first = new byte[Initiation.NoiseSize];
    private readonly byte[] _second = new byte[Response.NoiseSize];
    private readonly int _lasting;

    public NoiseTarget()
    {
        _crypto = new(_arena);
        _gateway = NoiseKeyPair.From(_crypto, Key(1));
        NoiseKeyPair client = NoiseKeyPair.From(_crypto, Key(2));
        byte[] payload = new byte[InitiationPayload.Size];
        new InitiationPayload(ProtocolConstants.Version, 3, new InstanceId(5), 1).Write(payload);
        _initiator = NoiseInitiator.Start(_crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, client, _gateway.Public, Key(3), payload, _first)
            .IfLeft(() => throw new InvalidOperationException("the handshake does not start"));
        NoiseResponder responder = Read(_first).Match(read => read, error => throw new InvalidOperationException(error.ToString()));
        byte[] answer = new byte[ResponsePayload.Size];
        new ResponsePayload(new SessionId(9), CipherSuite.Aes256Gcm, 7).Write(answer);
        responder.Write(_crypto, Key(4), SecretHandle.None, answer, _second);
        _lasting = _arena.Live;
    }

    public override string Name => "noise";

    public override bool RefusesAll => true;

    public override FuzzInput? Draw(SimRandom random)
    {
        bool isAnswer = random.Chance(50);
        byte[] model = isAnswer ? _second : _first, bytes = ByteMutation.Mutate(random, model, isAnswer ? Second : First, [_first, _second], keepsLength: true);
        return bytes.AsSpan().SequenceEqual(model) ? null : new(bytes, 0, isAnswer ? Answer : 0);
    }

    public override bool Take(FuzzInput input)
    {
        bool completes = input.Way == Answer
            ? _initiator.Read(_crypto, SecretHandle.None, input.Bytes, stackalloc byte[ResponsePayload.Size]).IsRight
            : Read(input.Bytes).IsRight;
        FuzzFailure.Require(!completes, "a changed message is taken");
        FuzzFailure.Require(_arena.Live == _lasting, $"{_arena.Live - _lasting} secrets are left");
        return false;
    }

    protected override void Close() => _arena.Dispose();

    private Either<NoiseError, NoiseResponder> Read(byte[] message) =>
        NoiseResponder.Read(_crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, _gateway, message, new byte[InitiationPayload.Size]);

    private SecretHandle Key(byte number)
    {
        byte[] bytes = new byte[32];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, 1 + (number * 77));
        return _crypto.Import(bytes);
    }
}
