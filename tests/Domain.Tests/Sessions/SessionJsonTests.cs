using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>The storage format: pinned texts, and any other text is an error instead of a guess.</summary>
public class SessionJsonTests
{
    [Fact]
    public void The_stored_texts_never_change()
    {
        Session session = Attached().Session;
        var move = new SessionCommand.Reattach(At(5), Node, Request(session, ReattachKind.Dead, 2));
        SessionEvent moved = Attached().Accepted(move)[0];
        Assert.Equal("""{"at":"50000000","by":{"incarnation":"00000000000000000000000000000001","node":"gw-a"},"command":"reattach","request":{"bindingVersion":"1","instance":"000000000000000000000000000000a1","kind":"Dead","nonce":"1","transport":{"local":"192.0.2.1:51830","path":2,"remote":"198.51.100.2:4000"}}}""",
            SessionJson.Of(move).Text);
        Assert.Equal("""{"at":"50000000","binding":{"budgets":{"quality":"0","recovery":"90000000"},"instance":"000000000000000000000000000000a1","keyEpoch":2,"kind":"Dead","nonce":"1","state":"Attached","transport":{"boundAt":"50000000","id":"2","local":"192.0.2.1:51830","node":"gw-a","path":2,"remote":"198.51.100.2:4000"}},"version":"2"}""",
            SessionJson.Of(moved).Text);
        Assert.Equal("""{"addresses":["10.77.0.2/32","fd77::2/128"],"bindingVersion":"1","budgets":{"quality":"0","recovery":"0"},"client":"AAAAAAAAAAAAAAAAAAAABwAAAAAAAAAAAAAAAAAAAAk=","clientName":"laptop","establishedAt":"0","expiresAt":"864000000000","id":"00000000000000000123456789abcdef","instance":"000000000000000000000000000000a1","keyEpoch":1,"lastBoundAt":"0","lastKeyedAt":"0","lastNonce":"0","lastReason":"HANDSHAKE_OK","owner":{"incarnation":"00000000000000000000000000000001","node":"gw-a"},"ownershipEpoch":"1","policyHash":"0000000000000000000000000000000500000000000000000000000000000006","recoveryDeadline":"9223372036854775807","state":"Attached","stateSince":"0","switches":"0","transport":{"boundAt":"0","id":"1","local":"192.0.2.1:51830","node":"gw-a","path":1,"remote":"198.51.100.1:4000"},"updatedAt":"0","version":"1"}""",
            SessionJson.Of(session).Text);
    }

    [Fact]
    public void Aliases_never_change() => Assert.Equal(
        [
            "session_established", "session_became_volatile", "session_stability_restored", "session_entered_degraded", "session_transport_lost",
            "session_transport_switched", "session_keys_rotated", "session_ownership_released", "session_ownership_claimed", "session_terminated",
        ], SessionEventNames.All);

    [Fact]
    public void A_policy_is_read_back_and_its_hash_follows_its_content()
    {
        SessionPolicy policy = Policy with { Cooldown = TimeSpan.FromMilliseconds(1500), MaxSwitchesPerMinute = 6 };
        SessionPolicy read = SessionJson.ReadPolicy(SessionJson.Of(policy)).Match(value => value, error => throw new InvalidOperationException(error.ToString()));
        Assert.Equal(policy, read);
        Assert.Equal(SessionJson.HashOf(policy), SessionJson.HashOf(read));
        Assert.NotEqual(SessionJson.HashOf(policy), SessionJson.HashOf(Policy));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("""{"at":"1","version":"x"}""")]
    [InlineData("""{"at":1,"version":"1"}""")]
    [InlineData("""{"at":"1","version":"18446744073709551616"}""")]
    [InlineData("""{"at":"1","version":"-1"}""")]
    public void Anything_else_is_an_error(string text)
    {
        CanonicalJson json = CanonicalJson.Parse(text).Match(read => read, reason => throw new InvalidOperationException(reason));
        foreach (string alias in SessionEventNames.All) Assert.True(SessionJson.ReadEvent(alias, json).IsLeft);
        Assert.True(SessionJson.ReadEvent("no_such_event", json).IsLeft);
        Assert.True(SessionJson.ReadSession(json).IsLeft);
        Assert.True(SessionJson.ReadCommand(json).IsLeft);
        Assert.True(SessionJson.ReadPolicy(json).IsLeft);
    }

    [Theory]
    [InlineData("\"state\":\"Attached\"", "\"state\":\"Recovering\"")]
    [InlineData("\"state\":\"Attached\"", "\"state\":\"1\"")]
    [InlineData("\"state\":\"Attached\"", "\"state\":\"Birth\"")]
    [InlineData("\"version\":\"1\"", "\"version\":\"0\"")]
    [InlineData("\"budgets\":{\"quality\":\"0\",\"recovery\":\"0\"}", "\"budgets\":{}")]
    [InlineData("\"version\":\"1\"", "\"version\":\"18446744073709551615\"")]
    [InlineData("\"bindingVersion\":\"1\"", "\"bindingVersion\":\"9\"")]
    [InlineData("\"recoveryDeadline\":\"9223372036854775807\"", "\"recoveryDeadline\":\"5\"")]
    [InlineData("\"lastReason\":\"HANDSHAKE_OK\"", "\"lastReason\":\"GONE\"")]
    [InlineData("\"node\":\"gw-a\"},\"ownershipEpoch\"", "\"node\":\"gw-b\"},\"ownershipEpoch\"")]
    [InlineData("\"node\":\"gw-a\"},\"ownershipEpoch\"", "\"node\":\"\"},\"ownershipEpoch\"")]
    [InlineData("\"keyEpoch\":1", "\"keyEpoch\":0")]
    public void REQ_SAFETY_1_a_snapshot_that_no_history_leads_to_is_an_error(string from, string to)
    {
        string text = SessionJson.Of(Attached().Session).Text;
        Assert.Contains(from, text, StringComparison.Ordinal);
        CanonicalJson json = CanonicalJson.Parse(text.Replace(from, to, StringComparison.Ordinal)).Match(read => read, reason => throw new InvalidOperationException(reason));
        Assert.True(SessionJson.ReadSession(json).IsLeft, to);
    }
}
