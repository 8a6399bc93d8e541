using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Sessions;

public class ReasonCodeTests
{
    private const string Pinned = """
        1 HANDSHAKE_OK
        2 VOLATILITY_SIGNAL
        3 STABILITY_RESTORED
        4 ENTER_DEGRADED
        5 TRANSPORT_DEAD
        6 TRANSPORT_SWITCHED
        7 KEYS_ROTATED
        8 OWNERSHIP_RELEASED
        9 OWNERSHIP_CLAIMED
        10 COMPACTED
        50 SUPERSEDED
        51 RECOVERY_WINDOW_EXCEEDED
        52 TTL_EXPIRED
        53 POLICY_EXCEEDED
        54 EXPLICIT
        55 CLIENT_REMOVED
        56 DUAL_CLIENT
        57 AMBIGUITY
        100 VERSION_MISMATCH
        101 REPLAY_DETECTED
        102 COOLDOWN
        103 BUDGET_EXCEEDED
        104 GONE
        105 UNKNOWN_SESSION
        106 BAD_PROOF
        107 BAD_TICKET
        108 BAD_MAC
        109 BAD_LENGTH
        110 UNKNOWN_TYPE
        111 COOKIE_REQUIRED
        112 RATE_LIMITED
        113 HANDSHAKE_EXPIRED
        114 TOKEN_MISMATCH
        115 STALE_EPOCH
        116 UNKNOWN_CLIENT
        117 STORE_UNAVAILABLE
        118 STORE_CONFLICT
        119 WRONG_OWNER
        120 WRONG_STATE
        121 SPOOFED_SOURCE
        122 UNBOUND_SOURCE
        123 TOO_MANY_PENDING
        124 NOT_CONFIRMED
        125 BAD_SESSION_ID
        126 BAD_HANDSHAKE
        127 BAD_TAG
        128 UNKNOWN_RECEIVER
        129 UNSUPPORTED_VERSION
        130 MALFORMED
        131 BAD_INNER_PACKET
        132 UNKNOWN_DESTINATION
        133 QUEUE_FULL
        134 LEASE_LOST
        135 WRONG_INSTANCE
        136 STALE_TRANSPORT
        137 INVALID_COMMAND
        138 TOO_MANY_SESSIONS
        139 LOW_ORDER_POINT
        140 DRAINING
        """;

    [Fact]
    public void Numbers_and_names_never_change() =>
        Assert.Equal(Pinned.ReplaceLineEndings("\n"), string.Join("\n", ReasonCodes.All.Select(code => $"{(ushort)code} {code.Name()}")));

    [Fact]
    public void Every_code_has_a_name_and_is_found_by_it_and_by_its_number()
    {
        foreach (ReasonCode code in Enum.GetValues<ReasonCode>().Where(code => code != ReasonCode.None))
        {
            Assert.Matches("^[A-Z]+(_[A-Z]+)*$", code.Name());
            Assert.True(ReasonCodes.TryParse(code.Name(), out ReasonCode byName));
            Assert.Equal(code, byName);
            Assert.True(ReasonCodes.TryFromNumber((ushort)code, out ReasonCode byNumber));
            Assert.Equal(code, byNumber);
        }
    }

    [Fact]
    public void An_unknown_code_is_not_found()
    {
        Assert.False(ReasonCodes.TryParse("NONE", out _));
        Assert.False(ReasonCodes.TryParse(null, out _));
        Assert.False(ReasonCodes.TryFromNumber(0, out _));
        Assert.False(ReasonCodes.TryFromNumber(9999, out _));
        Assert.Equal("UNKNOWN_9999", ((ReasonCode)9999).Name());
    }

    [Fact]
    public void A_code_is_a_transition_an_end_or_a_rejection()
    {
        Assert.False(ReasonCode.TransportDead.IsEnd());
        Assert.True(ReasonCode.Ambiguity.IsEnd());
        Assert.False(ReasonCode.Ambiguity.IsRejection());
        Assert.True(ReasonCode.Draining.IsRejection());
        Assert.False(((ReasonCode)9999).IsRejection());
    }
}
