using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>
/// Who has recorded everything and later takes all that both nodes still hold (both private keys, the cluster key, the
/// ticket and so the root, the keys of the bound epoch) opens nothing of an earlier epoch (REQ-KEYS-4).
/// </summary>
public sealed class ForwardSecrecyTests : IDisposable
{
    private readonly GatewayStory _story = new();

    private ScriptedClient Client => _story.Client;

    public void Dispose() => _story.Dispose();

    [Fact]
    public void REQ_KEYS_4_the_first_epoch_opens_with_nothing_that_is_held_after_a_reattach()
    {
        (byte[] initiation, NoiseInitiator noise) = Client.Initiate();
        byte[] response = Assert.Single(_story.Receive(GatewayStory.Home, initiation)).Bytes;
        byte[] bound = Confirmed(Client.Confirm(noise, response));
        byte[] data = Record();
        NoiseResult handshake = Client.Handshake!;
        PublicKey[] wire = [PublicKey.Read(Initiation.Noise(initiation)), PublicKey.Read(Response.Noise(response))];
        Reattach();

        // The derivation is the right one: what was erased would open it.
        Assert.Equal(2, Opened(Client.Crypto, EpochSecrets.FromHandshake(Client.Crypto, handshake.ChainingKey, handshake.HandshakeHash).Epoch, data, bound));
        foreach ((ICryptography crypto, SecretHandle root, SecretHandle identity) in Holders())
        {
            foreach (SecretHandle held in Candidates(crypto, root, identity, wire))
                Assert.Equal(0, Opened(crypto, EpochSecrets.FromHandshake(crypto, held, handshake.HandshakeHash).Epoch, data, bound));
        }

        Assert.Equal(0, Opened(Client.Crypto, Client.Keys, data, bound));
    }

    [Fact]
    public void REQ_KEYS_4_the_epoch_of_a_reattach_opens_with_nothing_that_is_held_after_the_next()
    {
        _story.Connected();
        (Preparation preparation, byte[] answer, byte[] bound) = Reattach();
        byte[] data = Record();
        Assert.True(Prepared.TryRead(answer, out Prepared prepared));
        Hash256 transcript = Client.Crypto.Sha256(Prepared.Hashed(answer));
        PublicKey[] wire = [preparation.Request.Ephemeral, prepared.Ephemeral];
        Reattach();

        Assert.True(Client.Crypto.TryAgree(preparation.Ephemeral, prepared.Ephemeral, out SecretHandle erased));
        Assert.Equal(2, Opened(Client.Crypto, EpochSecrets.FromReattach(Client.Crypto, Client.Secrets.Root, erased, preparation.Hash, transcript), data, bound));
        foreach ((ICryptography crypto, SecretHandle root, SecretHandle identity) in Holders())
        {
            foreach (SecretHandle held in Candidates(crypto, root, identity, wire))
                Assert.Equal(0, Opened(crypto, EpochSecrets.FromReattach(crypto, root, held, preparation.Hash, transcript), data, bound));
        }

        Assert.Equal(0, Opened(Client.Crypto, Client.Keys, data, bound));
    }

    /// <summary>
    /// What the two hold: the client its file and its key, the gateway its key and the root, which its cluster key takes out
    /// of the ticket. The store holds no secret (<c>KeyTests</c> in the attacks).
    /// </summary>
    private IEnumerable<(ICryptography Crypto, SecretHandle Root, SecretHandle Identity)> Holders()
    {
        yield return (Client.Crypto, Client.Secrets.Root, Client.Identity.Private);
        Assert.True(Ticket.TryOpen(_story.Crypto, _story.Environment.ClusterKeys, Client.Bound!.Ticket.Span, out Ticket ticket));
        yield return (_story.Crypto, ticket.Root, _story.Environment.Identity.Private);
    }

    /// <summary>The root, and every agreement of a key that is held with one that was seen, alone and mixed with the root.</summary>
    private List<SecretHandle> Candidates(ICryptography crypto, SecretHandle root, SecretHandle identity, PublicKey[] wire)
    {
        List<SecretHandle> all = [root, identity];
        Span<SecretHandle> mixed = stackalloc SecretHandle[1];
        foreach (PublicKey seen in (PublicKey[])[.. wire, Client.Identity.Public, _story.Environment.Identity.Public])
        {
            Assert.True(crypto.TryAgree(identity, seen, out SecretHandle shared));
            crypto.Hkdf(root, shared, [], mixed);
            all.AddRange([shared, mixed[0]]);
        }

        return all;
    }

    private (Preparation Preparation, byte[] Answer, byte[] Bound) Reattach()
    {
        _story.Wait(TimeSpan.FromSeconds(3));
        Preparation preparation = Client.Prepare();
        byte[] answer = Assert.Single(_story.Receive(GatewayStory.Home, preparation.Datagram)).Bytes;
        return (preparation, answer, Confirmed(Client.Confirm(preparation, answer)));
    }

    private byte[] Confirmed(byte[] confirm)
    {
        byte[] bound = _story.Receive(GatewayStory.Home, confirm).Last(sent => sent.Bytes[0] == (byte)MessageType.Bound).Bytes;
        Client.Read(bound);
        return bound;
    }

    /// <summary>A data packet of the epoch that is bound.</summary>
    private byte[] Record()
    {
        byte[] data = new byte[64 + ICryptography.TagSize];
        Client.Crypto.Seal(Client.Keys.ClientData, 1, [], new byte[64], data);
        return data;
    }

    /// <summary>How many of the two, the data packet and the BOUND, these keys open.</summary>
    private static int Opened(ICryptography crypto, EpochSecrets keys, byte[] data, byte[] bound) =>
        (crypto.TryOpen(keys.ClientData, 1, [], data, new byte[64]) ? 1 : 0)
        + (crypto.TryOpen(keys.GatewayControl, 0, bound.AsSpan(0, Bound.HeaderSize), bound.AsSpan(Bound.HeaderSize), new byte[Bound.PlaintextSize]) ? 1 : 0);
}
