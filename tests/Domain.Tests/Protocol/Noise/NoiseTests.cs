using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Infrastructure.Crypto;
using LanguageExt;

namespace JumpingVpn.Domain.Tests.Protocol.Noise;

public sealed class NoiseTests : IDisposable
{
    private static readonly byte[] Prologue = "jumping"u8.ToArray();
    private static readonly byte[] Request = "a request"u8.ToArray();
    private static readonly byte[] Answer = "an answer"u8.ToArray();

    private readonly SecretArena arena = new(4096);
    private readonly SodiumCryptography crypto;
    private readonly NoiseKeyPair client;
    private readonly NoiseKeyPair gateway;
    private readonly SecretHandle psk;
    private readonly int lasting;

    public NoiseTests()
    {
        crypto = new(arena);
        client = NoiseKeyPair.From(crypto, Secret(1));
        gateway = NoiseKeyPair.From(crypto, Secret(2));
        psk = Secret(3);
        lasting = arena.Live;
    }

    public static TheoryData<NoiseProtocol> Protocols => [NoiseProtocol.IK, NoiseProtocol.IKpsk2];

    public void Dispose() => arena.Dispose();

    [Theory]
    [InlineData(NoiseProtocol.IK, "Noise_IK_25519_ChaChaPoly_SHA256")]
    [InlineData(NoiseProtocol.IKpsk2, "Noise_IKpsk2_25519_ChaChaPoly_SHA256")]
    public void The_published_vectors_hold_on_both_sides(NoiseProtocol protocol, string name)
    {
        NoiseVector vector = NoiseVector.Named(name);
        NoiseKeyPair initiatorStatic = NoiseKeyPair.From(crypto, crypto.Import(vector.InitiatorStatic));
        NoiseKeyPair responderStatic = NoiseKeyPair.From(crypto, crypto.Import(vector.ResponderStatic));
        SecretHandle key = vector.PresharedKey is null ? SecretHandle.None : crypto.Import(vector.PresharedKey);
        Assert.Equal(PublicKey.Read(vector.ResponderPublic), responderStatic.Public);

        byte[] first = new byte[vector.Messages[0].Payload.Length + NoiseSizes.Message1Overhead];
        NoiseInitiator initiator = Right(NoiseInitiator.Start(
            crypto, protocol, vector.Prologue, initiatorStatic, responderStatic.Public, crypto.Import(vector.InitiatorEphemeral), vector.Messages[0].Payload, first));
        Assert.Equal(vector.Messages[0].Ciphertext, first);

        byte[] request = new byte[vector.Messages[0].Payload.Length];
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, protocol, vector.Prologue, responderStatic, first, request));
        Assert.Equal(vector.Messages[0].Payload, request);
        Assert.Equal(initiatorStatic.Public, responder.RemoteStatic);

        byte[] second = new byte[vector.Messages[1].Payload.Length + NoiseSizes.Message2Overhead];
        NoiseResult atResponder = Right(responder.Write(crypto, crypto.Import(vector.ResponderEphemeral), key, vector.Messages[1].Payload, second));
        Assert.Equal(vector.Messages[1].Ciphertext, second);

        byte[] answer = new byte[vector.Messages[1].Payload.Length];
        NoiseResult atInitiator = Right(initiator.Read(crypto, key, second, answer));
        Assert.Equal(vector.Messages[1].Payload, answer);
        Assert.Equal(Hash256.Read(vector.HandshakeHash), atResponder.HandshakeHash);
        Assert.Equal(Hash256.Read(vector.HandshakeHash), atInitiator.HandshakeHash);

        foreach (NoiseResult end in (NoiseResult[])[atInitiator, atResponder])
        {
            (SecretHandle out_, SecretHandle back) = end.Split(crypto);
            for (int i = 2; i < vector.Messages.Count; i++)
            {
                (byte[] payload, byte[] ciphertext) = vector.Messages[i];
                byte[] message = new byte[ciphertext.Length];
                crypto.Seal(i % 2 == 0 ? out_ : back, (ulong)(i - 2) / 2, default, payload, message);
                Assert.Equal(ciphertext, message);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public void Both_sides_end_with_one_chaining_key_and_no_other_secret(NoiseProtocol protocol)
    {
        (NoiseInitiator initiator, byte[] first) = Start(protocol);
        Assert.Equal(lasting + 2, arena.Live);
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, protocol, Prologue, gateway, first, new byte[Request.Length]));
        Assert.Equal(lasting + 3, arena.Live);
        (NoiseResult atGateway, byte[] second) = Write(responder);
        responder.Release(crypto);
        Assert.Equal(lasting + 3, arena.Live);
        byte[] answer = new byte[Answer.Length];
        NoiseResult atClient = Right(initiator.Read(crypto, psk, second, answer));
        initiator.Release(crypto);
        Assert.Equal(Answer, answer);
        Assert.Equal(lasting + 2, arena.Live);

        Assert.Equal(crypto.Sha256(default, atGateway.ChainingKey), crypto.Sha256(default, atClient.ChainingKey));
        Assert.Equal(atGateway.HandshakeHash, atClient.HandshakeHash);
        Assert.Equal(client.Public, atGateway.RemoteStatic);
        Assert.Equal(gateway.Public, atClient.RemoteStatic);
        atGateway.Release(crypto);
        atClient.Release(crypto);
        Assert.Equal(lasting, arena.Live);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public void A_flipped_bit_anywhere_in_the_first_message_is_refused_without_trace(NoiseProtocol protocol)
    {
        (NoiseInitiator initiator, byte[] first) = Start(protocol);
        initiator.Release(crypto);
        byte[] payload = new byte[Request.Length];
        for (int bit = 0; bit < first.Length * 8; bit++)
        {
            // X25519 ignores the top bit of a public key (RFC 7748, section 5), but the handshake hash does not.
            first[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(NoiseError.NotAuthentic, Left(NoiseResponder.Read(crypto, protocol, Prologue, gateway, first, payload)));
            first[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(lasting, arena.Live);
            Assert.NotEqual(Request, payload);
        }
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public void A_flipped_bit_anywhere_in_the_second_message_is_refused_and_the_right_one_still_read(NoiseProtocol protocol)
    {
        (NoiseInitiator initiator, byte[] first) = Start(protocol);
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, protocol, Prologue, gateway, first, new byte[Request.Length]));
        (NoiseResult result, byte[] second) = Write(responder);
        byte[] payload = new byte[Answer.Length];
        int before = arena.Live;
        for (int bit = 0; bit < second.Length * 8; bit++)
        {
            second[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(NoiseError.NotAuthentic, Left(initiator.Read(crypto, psk, second, payload)));
            second[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(before, arena.Live);
            Assert.NotEqual(Answer, payload);
        }
        Assert.Equal(result.HandshakeHash, Right(initiator.Read(crypto, psk, second, payload)).HandshakeHash);
    }

    [Fact]
    public void A_first_message_for_another_gateway_or_prologue_is_refused()
    {
        (_, byte[] first) = Start(NoiseProtocol.IKpsk2);
        int before = arena.Live;
        NoiseKeyPair other = NoiseKeyPair.From(crypto, Secret(9));
        Assert.Equal(NoiseError.NotAuthentic, Left(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, other, first, new byte[Request.Length])));
        Assert.Equal(NoiseError.NotAuthentic, Left(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, default, gateway, first, new byte[Request.Length])));
        Assert.Equal(NoiseError.NotAuthentic, Left(NoiseResponder.Read(crypto, NoiseProtocol.IK, Prologue, gateway, first, new byte[Request.Length])));
        Assert.Equal(before + 1, arena.Live);
    }

    [Fact]
    public void Another_preshared_key_is_refused_and_none_is_all_zeros()
    {
        Assert.Equal(NoiseError.NotAuthentic, Left(Exchange(psk, Secret(4))));
        Assert.Equal(NoiseError.NotAuthentic, Left(Exchange(psk, SecretHandle.None)));
        Assert.Equal(NoiseError.NotAuthentic, Left(Exchange(SecretHandle.None, psk)));
        Right(Exchange(SecretHandle.None, crypto.Import(new byte[32])));
        Right(Exchange(crypto.Import(new byte[32]), SecretHandle.None));
        Right(Exchange(psk, psk));
    }

    [Fact]
    public void A_low_order_point_is_refused_at_each_agreement_without_trace()
    {
        byte[] message = new byte[Request.Length + NoiseSizes.Message1Overhead];
        Assert.Equal(NoiseError.LowOrderPoint, Left(NoiseInitiator.Start(crypto, NoiseProtocol.IKpsk2, Prologue, client, default, Secret(5), Request, message)));
        Assert.Equal(lasting, arena.Live);

        (NoiseInitiator initiator, byte[] first) = Start(NoiseProtocol.IKpsk2);
        first.AsSpan(0, 32).Clear();
        int before = arena.Live;
        Assert.Equal(NoiseError.LowOrderPoint, Left(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first, new byte[Request.Length])));
        Assert.Equal(NoiseError.LowOrderPoint, Left(initiator.Read(crypto, psk, new byte[NoiseSizes.Message2Overhead], default)));
        Assert.Equal(before, arena.Live);
    }

    [Fact]
    public void An_initiator_whose_static_key_is_of_low_order_is_refused_without_trace()
    {
        byte[] message = new byte[Request.Length + NoiseSizes.Message1Overhead];
        NoiseKeyPair hostile = new(client.Private, default);
        NoiseInitiator initiator = Right(NoiseInitiator.Start(crypto, NoiseProtocol.IKpsk2, Prologue, hostile, gateway.Public, Secret(5), Request, message));
        initiator.Release(crypto);
        Assert.Equal(NoiseError.LowOrderPoint, Left(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, message, new byte[Request.Length])));
        Assert.Equal(lasting, arena.Live);
    }

    [Fact]
    public void Every_length_from_nothing_to_the_longest_is_answered_with_a_value()
    {
        (NoiseInitiator initiator, byte[] first) = Start(NoiseProtocol.IKpsk2);
        for (int length = 0; length < NoiseSizes.Message1Overhead; length++)
            Assert.Equal(NoiseError.Length, Left(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first.AsSpan(0, length), default)));
        for (int length = NoiseSizes.Message1Overhead; length < first.Length; length++)
            Assert.Equal(NoiseError.NotAuthentic, Left(NoiseResponder.Read(
                crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first.AsSpan(0, length), new byte[length - NoiseSizes.Message1Overhead])));
        for (int length = 0; length < NoiseSizes.Message2Overhead; length++)
            Assert.Equal(NoiseError.Length, Left(initiator.Read(crypto, psk, first.AsSpan(0, length), default)));
        Assert.Equal(NoiseError.Length, Left(initiator.Read(crypto, psk, new byte[NoiseSizes.MaxMessage + 1], default)));
        Assert.Equal(lasting + 2, arena.Live);
    }

    [Fact]
    public void A_payload_of_any_size_up_to_the_longest_message_goes_through()
    {
        foreach (int size in (int[])[0, 1, 900, 1024, 1500, NoiseSizes.MaxMessage - NoiseSizes.Message1Overhead])
        {
            byte[] sent = new byte[size], received = new byte[size], message = new byte[size + NoiseSizes.Message1Overhead];
            new Random(size).NextBytes(sent);
            Right(NoiseInitiator.Start(crypto, NoiseProtocol.IKpsk2, Prologue, client, gateway.Public, Secret(5), sent, message)).Release(crypto);
            Right(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, message, received)).Release(crypto);
            Assert.Equal(sent, received);
        }
        Assert.Equal(lasting, arena.Live);
    }

    [Fact]
    public void A_buffer_of_the_wrong_size_is_the_callers_mistake_and_leaks_nothing()
    {
        Assert.Throws<ArgumentException>(() => NoiseInitiator.Start(crypto, NoiseProtocol.IKpsk2, Prologue, client, gateway.Public, Secret(5), Request, new byte[10]));
        Assert.Equal(lasting, arena.Live);
        (NoiseInitiator initiator, byte[] first) = Start(NoiseProtocol.IKpsk2);
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first, new byte[Request.Length]));
        Assert.Throws<ArgumentException>(() => NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first, new byte[1]));
        Assert.Throws<ArgumentException>(() => responder.Write(crypto, Secret(6), psk, Answer, new byte[10]));
        Assert.Throws<ArgumentException>(() => initiator.Read(crypto, psk, new byte[60], new byte[60]));
        Assert.Equal(lasting + 3, arena.Live);
    }

    [Fact]
    public void A_state_prints_no_handle_of_its_ephemeral_or_chaining_key()
    {
        (NoiseInitiator initiator, byte[] first) = Start(NoiseProtocol.IKpsk2);
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first, new byte[Request.Length]));
        Assert.DoesNotContain("secret", initiator.ToString() + responder, StringComparison.Ordinal);
    }

    private (NoiseInitiator State, byte[] Message) Start(NoiseProtocol protocol)
    {
        byte[] message = new byte[Request.Length + NoiseSizes.Message1Overhead];
        return (Right(NoiseInitiator.Start(crypto, protocol, Prologue, client, gateway.Public, Secret(5), Request, message)), message);
    }

    private (NoiseResult Result, byte[] Message) Write(NoiseResponder responder)
    {
        byte[] message = new byte[Answer.Length + NoiseSizes.Message2Overhead];
        return (Right(responder.Write(crypto, Secret(6), psk, Answer, message)), message);
    }

    private Either<NoiseError, NoiseResult> Exchange(SecretHandle atClient, SecretHandle atGateway)
    {
        (NoiseInitiator initiator, byte[] first) = Start(NoiseProtocol.IKpsk2);
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, Prologue, gateway, first, new byte[Request.Length]));
        byte[] second = new byte[Answer.Length + NoiseSizes.Message2Overhead];
        Right(responder.Write(crypto, Secret(6), atGateway, Answer, second));
        return initiator.Read(crypto, atClient, second, new byte[Answer.Length]);
    }

    private SecretHandle Secret(int seed)
    {
        byte[] bytes = new byte[32];
        new Random(seed).NextBytes(bytes);
        return crypto.Import(bytes);
    }

    private static T Right<T>(Either<NoiseError, T> either) =>
        either.Match(Right: value => value, Left: error => throw new InvalidOperationException($"unexpected {error}"));

    private static NoiseError Left<T>(Either<NoiseError, T> either) =>
        either.Match(Right: _ => throw new InvalidOperationException("unexpected success"), Left: error => error);
}
