using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Infrastructure.Tests.Crypto;

namespace JumpingVpn.Simulation.Tests.Crypto;

public sealed class SimulatedCryptographyTests : CryptographyContract
{
    private readonly SimulatedCryptography crypto = new();

    protected override ICryptography Crypto => crypto;

    protected override int Live => crypto.Live;

    [Fact]
    public void Two_worlds_with_the_same_history_give_the_same_handles_and_bytes()
    {
        static (SecretHandle, PublicKey, byte[]) Run()
        {
            SimulatedCryptography world = new();
            SecretHandle key = world.Import(new byte[32]);
            world.Release(key);
            key = world.Expand(world.Import(new byte[32]), "label"u8);
            byte[] message = new byte[30 + ICryptography.TagSize];
            world.Seal(key, 1, default, new byte[30], message);
            return (key, world.PublicKeyOf(key), message);
        }
        (SecretHandle handle, PublicKey publicKey, byte[] message) = Run();
        (SecretHandle again, PublicKey publicAgain, byte[] messageAgain) = Run();
        Assert.Equal(handle, again);
        Assert.Equal(publicKey, publicAgain);
        Assert.Equal(message, messageAgain);
    }

    [Fact]
    public void A_flipped_bit_in_a_public_key_is_another_agreement()
    {
        SecretHandle a = Secret(1), b = Secret(2);
        Assert.True(crypto.TryAgree(a, crypto.PublicKeyOf(b), out SecretHandle right));
        byte[] bytes = new byte[PublicKey.Size];
        crypto.PublicKeyOf(b).Write(bytes);
        for (int bit = 0; bit < 256; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(crypto.TryAgree(a, PublicKey.Read(bytes), out SecretHandle other), $"bit {bit}");
            Assert.NotEqual(crypto.Sha256(default, right), crypto.Sha256(default, other));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void A_Noise_handshake_runs_over_it()
    {
        NoiseKeyPair client = NoiseKeyPair.From(crypto, Secret(1)), gateway = NoiseKeyPair.From(crypto, Secret(2));
        int before = crypto.Live;
        byte[] first = new byte[NoiseSizes.Message1Overhead], second = new byte[NoiseSizes.Message2Overhead];
        NoiseInitiator initiator = Right(NoiseInitiator.Start(crypto, NoiseProtocol.IKpsk2, default, client, gateway.Public, Secret(3), default, first));
        NoiseResponder responder = Right(NoiseResponder.Read(crypto, NoiseProtocol.IKpsk2, default, gateway, first, default));
        NoiseResult atGateway = Right(responder.Write(crypto, Secret(4), SecretHandle.None, default, second));
        NoiseResult atClient = Right(initiator.Read(crypto, SecretHandle.None, second, default));
        Assert.Equal(atGateway.HandshakeHash, atClient.HandshakeHash);
        Assert.Equal(crypto.Sha256(default, atGateway.ChainingKey), crypto.Sha256(default, atClient.ChainingKey));
        second[40] ^= 1;
        Assert.True(initiator.Read(crypto, SecretHandle.None, second, default).IsLeft);
        initiator.Release(crypto);
        responder.Release(crypto);
        atClient.Release(crypto);
        atGateway.Release(crypto);
        Assert.Equal(before, crypto.Live);
    }

    private static T Right<T>(LanguageExt.Either<NoiseError, T> either) =>
        either.Match(Right: value => value, Left: error => throw new InvalidOperationException($"unexpected {error}"));
}
