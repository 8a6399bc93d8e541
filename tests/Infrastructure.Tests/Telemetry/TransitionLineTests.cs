using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Telemetry;
using static LanguageExt.Prelude;

namespace JumpingVpn.Infrastructure.Tests.Telemetry;

public sealed class TransitionLineTests
{
    private static readonly Session Attached = Session.Birth(new SessionId(0x1f)) with
    {
        State = SessionState.Attached,
        Version = 3,
        BindingVersion = 3,
        ClientName = Some("laptop"),
        Owner = Some(new Owner("gw-a", default)),
        OwnershipEpoch = 1,
        KeyEpoch = 2,
        LastReason = ReasonCode.TransportSwitched,
        Transport = Some(new TransportBinding(3, "gw-a", Endpoint("198.51.100.7:40000"), Endpoint("192.0.2.1:51830"), new PathId(1), Instant.Zero)),
    };

    [Fact]
    public void A_switch_says_from_where_to_where_and_under_which_keys()
    {
        Session after = Attached with
        {
            Version = 4,
            BindingVersion = 4,
            KeyEpoch = 3,
            Transport = Some(new TransportBinding(4, "gw-a", Endpoint("203.0.113.9:5000"), Endpoint("192.0.2.1:51830"), new PathId(2), Instant.Zero)),
        };
        Assert.Equal(
            "session 0000000000000000000000000000001f v4 Attached -> Attached TRANSPORT_SWITCHED transport wan2 192.0.2.1:51830 - 203.0.113.9:5000 "
            + "(remote 198.51.100.7:40000 -> 203.0.113.9:5000, binding 3 -> 4, key epoch 2 -> 3)",
            TransitionLine.Of(Attached, after, "wan2"));
    }

    [Fact]
    public void A_dead_transport_leaves_none()
    {
        Session after = Attached with { Version = 4, State = SessionState.Recovering, Transport = None, LastReason = ReasonCode.TransportDead };
        Assert.Equal(
            "session 0000000000000000000000000000001f v4 Attached -> Recovering TRANSPORT_DEAD transport none (remote 198.51.100.7:40000 -> none)",
            TransitionLine.Of(Attached, after));
    }

    [Fact]
    public void An_establishment_names_the_client()
    {
        string line = TransitionLine.Of(Session.Birth(Attached.Id), Attached with { Version = 1, LastReason = ReasonCode.HandshakeOk });
        Assert.StartsWith("session 0000000000000000000000000000001f v1 Birth -> Attached HANDSHAKE_OK", line, StringComparison.Ordinal);
        Assert.Contains("client laptop", line, StringComparison.Ordinal);
        Assert.Contains("owner none -> gw-a, ownership epoch 0 -> 1", line, StringComparison.Ordinal);
    }

    private static Endpoint Endpoint(string text) => Domain.Primitives.Endpoint.TryParse(text, out Endpoint endpoint) ? endpoint : throw new ArgumentException(text);
}
