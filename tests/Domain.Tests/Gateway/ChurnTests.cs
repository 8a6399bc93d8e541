using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>A day of clients that come, jump and go (REQ-EXHAUST-1, REQ-EXHAUST-2).</summary>
public sealed class ChurnTests
{
    [Fact]
    public void After_a_day_of_connecting_jumping_and_expiring_nothing_is_left()
    {
        using var story = new GatewayStory();
        int before = story.LiveSecrets, sessions = 0;
        for (TimeSpan time = TimeSpan.Zero; time < TimeSpan.FromHours(24); time += TimeSpan.FromMinutes(3))
        {
            story.Connected();
            sessions++;
            for (int jump = 0; jump < 3; jump++)
            {
                story.Wait(TimeSpan.FromSeconds(3));
                Preparation preparation = story.Client.Prepare();
                byte[] answer = story.Receive(GatewayStory.Home, preparation.Datagram)[0].Bytes;
                if (answer[0] != (byte)MessageType.Prepared) continue;
                story.Client.Read(story.Receive(GatewayStory.Home, story.Client.Confirm(preparation, answer)).Last(sent => sent.Bytes[0] == (byte)MessageType.Bound).Bytes);
            }

            // The client falls silent: its transport is lost, its recovery window ends, its session is over.
            story.Wait(TimeSpan.FromSeconds(171));
            story.Effects.Clear();
            Assert.Empty(story.State.Sessions);
        }

        Assert.Equal(480, sessions);
        Assert.Equal(before, story.LiveSecrets);
        Assert.Empty(story.State.ByClient);
        Assert.Empty(story.State.ByIndex);
        Assert.Empty(story.State.HalfOpen);
        Assert.Empty(story.State.Deadlines);
        Assert.Empty(story.State.Appends);
    }
}
