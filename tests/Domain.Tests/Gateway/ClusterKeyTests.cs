using System.Buffers.Binary;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>The cluster key changes: first both are there, then the old one is gone (REQ-KEYS-5).</summary>
public sealed class ClusterKeyTests : IDisposable
{
    private readonly GatewayStory _story = new();
    private readonly SecretHandle _old, _new;

    public ClusterKeyTests()
    {
        (_old, _new) = (_story.Crypto.GenerateSecret(), _story.Crypto.GenerateSecret());
        Use(_old);
    }

    public void Dispose() => _story.Dispose();

    [Fact]
    public void REQ_KEYS_5_with_both_keys_a_session_from_before_goes_on_and_its_ticket_is_sealed_under_the_new_one()
    {
        _story.Connected();
        uint before = SealedUnder();
        Use(_new, _old);
        _story.Restart();
        Assert.True(IsRecognised());
        Assert.True(Reattaches());
        Assert.Equal(_story.Environment.ClusterKeys.First.Id, SealedUnder());
        Assert.NotEqual(before, SealedUnder());
    }

    [Fact]
    public void REQ_KEYS_5_without_the_old_key_its_sessions_are_refused_and_those_of_the_new_one_go_on()
    {
        _story.Connected();
        SessionId old = _story.Client.Session;
        Use(_new);
        _story.Restart();
        Assert.False(IsRecognised());
        Assert.False(Reattaches());
        Assert.Equal(ReasonCode.BadTicket, _story.LastRejection);

        _story.Connected();
        Assert.NotEqual(old, _story.Client.Session);
        _story.Restart();
        Assert.True(IsRecognised());
        Assert.True(Reattaches());
    }

    private void Use(params SecretHandle[] keys) => _story.Environment = _story.Environment with { ClusterKeys = ClusterKeys.Derive(_story.Crypto, keys) };

    private uint SealedUnder() => BinaryPrimitives.ReadUInt32LittleEndian(_story.Client.Bound!.Ticket.Span);

    /// <summary>Whether the filter lets pass what names the client's session.</summary>
    private bool IsRecognised()
    {
        byte[] id = new byte[SessionId.Size];
        _story.Client.Session.Write(id);
        return _story.Environment.ClusterKeys.Recognises(_story.Crypto, id);
    }

    private bool Reattaches()
    {
        _story.Wait(TimeSpan.FromSeconds(3));
        Preparation preparation = _story.Client.Prepare();
        List<(TransportAddress To, byte[] Bytes)> sent = _story.Receive(GatewayStory.Home, preparation.Datagram);
        if (sent.Count == 0) return false;
        byte[] answer = Assert.Single(sent).Bytes;
        Assert.Equal((byte)MessageType.Prepared, answer[0]);
        _story.Client.Read(_story.Receive(GatewayStory.Home, _story.Client.Confirm(preparation, answer)).Last(one => one.Bytes[0] == (byte)MessageType.Bound).Bytes);
        return true;
    }
}
