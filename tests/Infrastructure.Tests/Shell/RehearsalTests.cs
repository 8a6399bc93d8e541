using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Infrastructure.Tests.Shell;

public sealed class RehearsalTests
{
    [Fact]
    public void A_rehearsed_session_attaches_jumps_and_survives_its_gateway() => Assert.True(Rehearsal.Play());
}
