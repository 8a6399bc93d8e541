using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>REQ-OSCILLATION-5: BOUND is lost, and what comes under the new epoch says the same.</summary>
public sealed class HeardEpochTests : IDisposable
{
    private const int RoundTrip = 10;
    private readonly ClientWorld world = new ClientWorld().Connected();

    public void Dispose() => world.Dispose();

    [Fact]
    public void The_client_sends_under_the_epoch_that_the_gateway_is_heard_under()
    {
        Traffic traffic = world.StartTraffic();
        world.RunFor(3_000);
        SessionId session = world.Session!.Id;
        int bindings = world.Gateway.Bindings, lost = 0;
        var heard = new HashSet<uint>();
        world.Gateway.Loses = (type, _) => type == MessageType.Bound && ++lost > 0;
        TakeDown(world.Wan1);
        world.RunFor(300);
        BringUp(world.Wan1);
        for (int i = 0; i < 200; i++)
        {
            world.RunFor(50);
            uint bound = world.Gateway.Epoch!.RemoteIndex;
            if (!world.DataPlane.Epochs.TryGetValue(bound, out SimulatedEpoch? epoch) || epoch.Seen.Count == 0) continue;
            heard.Add(bound);
            Assert.Equal(bound, world.DataPlane.Bound!.Value.Index);
        }
        Assert.True(lost > 10);
        Assert.InRange(world.Gateway.Bindings - bindings, 2, 60);
        Assert.InRange(heard.Count, 2, 60);
        Assert.Equal(SessionState.Recovering, world.Session.State);
        Assert.InRange(traffic.Outage(), 10, 100);

        world.Gateway.Loses = (_, _) => false;
        Assert.True(world.RunUntil(() => world.Session!.State == SessionState.Attached && world.State.Reattach is null, 1_000));
        Assert.Equal(session, world.Session.Id);
        world.RunFor(5_000);
        Assert.Single(world.Session.Epochs);
        Assert.Single(world.DataPlane.Epochs);
    }

    [Fact]
    public void What_is_heard_drops_the_attempts_before_it_and_those_that_only_ask()
    {
        (ReattachAttempt first, ReattachAttempt second) = TwoConfirmed();
        Assert.Equal(first.LocalIndex, world.Session!.SendingIndex);
        Assert.True(world.RunUntil(() => world.State.Reattach!.Attempts.Any(attempt => attempt.Stage is ReattachStage.Preparing), 3_000));
        world.Input(new ClientInput.EpochHeard(second.LocalIndex));
        Assert.Equal(second.LocalIndex, world.Session.SendingIndex);
        Assert.Equal(second.LocalIndex, world.DataPlane.Bound!.Value.Index);
        Assert.All(world.State.Reattach!.Attempts, attempt => Assert.True(attempt.Stage is ReattachStage.Confirming && attempt.Nonce >= second.Nonce));
        Assert.DoesNotContain(first.LocalIndex, world.DataPlane.Epochs.Keys);

        // What was dropped is nobody's any more.
        int effects = world.Effects.Count;
        world.Input(new ClientInput.EpochHeard(first.LocalIndex));
        Assert.Equal(effects, world.Effects.Count);
    }

    [Fact]
    public void A_late_packet_of_an_earlier_attempt_moves_nothing_back()
    {
        (ReattachAttempt first, ReattachAttempt second) = TwoConfirmed();
        // The first one's uplink goes, and the next one that is confirmed takes its place.
        TakeDown(Of(first));
        Assert.True(world.RunUntil(() => world.Session!.SendingIndex != first.LocalIndex, 3_000));
        ReattachAttempt third = world.State.Reattach!.Attempts.Single(attempt => attempt.LocalIndex == world.Session!.SendingIndex);
        Assert.True(third.Nonce > second.Nonce);
        Assert.Contains(world.State.Reattach.Attempts, attempt => attempt.LocalIndex == second.LocalIndex);
        world.Input(new ClientInput.EpochHeard(second.LocalIndex));
        Assert.Equal(third.LocalIndex, world.Session!.SendingIndex);
        Assert.Equal(third.LocalIndex, world.DataPlane.Bound!.Value.Index);
    }

    [Fact]
    public void The_CONFIRM_of_what_is_heard_is_repeated_quickly_again_a_bounded_number_of_times()
    {
        (ReattachAttempt first, _) = TwoConfirmed();
        var confirms = new List<Instant>();
        uint index = ((ReattachStage.Confirming)first.Stage).RemoteIndex;
        world.Passes = (_, outwards, bytes) =>
        {
            if (outwards && bytes[0] == (byte)MessageType.Confirm && Confirm.ReceiverIndex(bytes) == index) confirms.Add(world.Now);
            return true;
        };
        world.RunFor(5);
        confirms.Clear();
        Instant heard = world.Now;
        world.Input(new ClientInput.EpochHeard(first.LocalIndex));
        world.RunFor(240);
        Assert.InRange((confirms[0] - heard).TotalMilliseconds, 0, ClientLimits.ConfirmRetry.TotalMilliseconds);
        Assert.InRange(confirms.Count, ClientLimits.QuickConfirms, ClientLimits.QuickConfirms + 3);
    }

    [Fact]
    public void A_BOUND_that_comes_in_time_costs_no_further_CONFIRM()
    {
        world.StartTraffic(everyMilliseconds: 1);
        world.RunFor(3_000);
        int confirms = world.Gateway.Count(MessageType.Confirm);
        // BOUND is longer on its way than the first packets under the new epoch.
        world.Passes = (uplink, outwards, bytes) =>
        {
            if (outwards || bytes[0] != (byte)MessageType.Bound) return true;
            ClientPath path = world.State.OpenPaths.Single(path => path.Uplink == "wan2");
            world.At(world.Now + TimeSpan.FromMilliseconds(RoundTrip), () => world.Datagram(path, bytes));
            return false;
        };
        TakeDown(world.Wan1);
        Assert.True(world.RunUntil(() => world.Session!.State == SessionState.Attached && world.Session.Bound!.Uplink == "wan2", 500));
        world.RunFor(200);
        Assert.Equal(confirms + 1, world.Gateway.Count(MessageType.Confirm));
    }

    [Fact]
    public void While_the_old_path_lives_only_BOUND_moves_the_client()
    {
        Instant due = world.Session!.KeyedAt + world.Session.Policy.RekeyInterval;
        world.RunUntil(due - TimeSpan.FromSeconds(3));
        world.StartTraffic();
        uint old = world.Session.SendingIndex;
        world.Gateway.Loses = (type, _) => type == MessageType.Bound;
        world.RunUntil(due + TimeSpan.FromMilliseconds(4 * RoundTrip));
        ReattachAttempt attempt = Assert.Single(world.State.Reattach!.Attempts);
        Assert.Equal(ReattachKind.Rekey, world.State.Reattach.Kind);
        Assert.NotEmpty(world.DataPlane.Epochs[attempt.LocalIndex].Seen);
        Assert.Equal(old, world.Session.SendingIndex);
        world.Gateway.Loses = (_, _) => false;
        world.RunFor(100);
        Assert.Equal(attempt.LocalIndex, world.Session.SendingIndex);
        Assert.Null(world.State.Reattach);
    }

    /// <summary>Two attempts on two paths are confirmed and wait for the store; the client sends under the first.</summary>
    private (ReattachAttempt First, ReattachAttempt Second) TwoConfirmed()
    {
        world.Gateway.Ignores = (type, _) => type == MessageType.Confirm;
        TakeDown(world.Wan1);
        world.RunFor(200);
        BringUp(world.Wan1);
        Assert.True(world.RunUntil(() => Confirmed.Select(attempt => attempt.Path).Distinct().Count() == 2, 3_000));
        ReattachAttempt first = Confirmed.First();
        Assert.Equal(first.LocalIndex, world.Session!.SendingIndex);
        return (first, Confirmed.First(attempt => attempt.Path != first.Path));
    }

    private IEnumerable<ReattachAttempt> Confirmed => world.State.Reattach?.Attempts.Where(attempt => attempt.Stage is ReattachStage.Confirming) ?? [];

    private SimulatedUplink Of(ReattachAttempt attempt) => world.State.Paths[attempt.Path].Uplink == "wan1" ? world.Wan1 : world.Wan2;

    private void TakeDown(SimulatedUplink uplink)
    {
        uplink.IsUp = false;
        world.UplinksChanged();
    }

    private void BringUp(SimulatedUplink uplink)
    {
        uplink.IsUp = true;
        world.UplinksChanged();
    }
}
