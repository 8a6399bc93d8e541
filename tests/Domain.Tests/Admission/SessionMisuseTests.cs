using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Tests.Admission;

/// <summary>REQ-FLOOD-8: whose name a flood bears.</summary>
public sealed class SessionMisuseTests
{
    private static readonly SessionId Mine = new(7), Yours = new(8);
    private readonly SessionMisuse _misuse = new(new KeyedMix(new UInt128(0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)));
    private Instant _now = Instant.FromMilliseconds(1000);

    [Fact]
    public void A_client_in_trouble_does_not_misuse_its_session()
    {
        Note(Mine, perSecond: 150, seconds: 30);
        Assert.False(_misuse.Contains(Mine, _now));
        Assert.Equal(0, _misuse.Version);
    }

    [Fact]
    public void A_flood_misuses_the_session_that_it_names_and_no_other()
    {
        Note(Mine, perSecond: 5000, seconds: 1);
        Assert.True(_misuse.Contains(Mine, _now));
        Assert.False(_misuse.Contains(Yours, _now));
        Assert.Equal(1, _misuse.Version);
    }

    [Fact]
    public void It_is_forgotten_some_seconds_after_the_flood()
    {
        Note(Mine, perSecond: 5000, seconds: 1);
        _now += SessionMisuse.Lifetime - TimeSpan.FromMilliseconds(1);
        Assert.True(_misuse.Contains(Mine, _now));
        _now += TimeSpan.FromMilliseconds(1);
        Assert.False(_misuse.Contains(Mine, _now));
        Note(Mine, perSecond: 5000, seconds: 1);
        Assert.Equal(2, _misuse.Version);
    }

    private void Note(SessionId session, int perSecond, int seconds)
    {
        for (int i = 0; i < perSecond * seconds; i++)
        {
            _now += TimeSpan.FromSeconds(1) / perSecond;
            _misuse.Note(session, _now);
        }
    }
}
