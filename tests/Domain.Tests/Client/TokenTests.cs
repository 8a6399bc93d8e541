using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>
/// REQ-HIJACK-7: an observer copies the client's PREPARE, sends the copies from addresses of its own, and hands the client the answers,
/// each with a token that names the observer.
/// </summary>
public sealed class TokenTests : IDisposable
{
    private const int RoundTrip = 10;
    private readonly ClientWorld world = new ClientWorld().Connected();
    private readonly List<byte[]> _answers = [];
    private readonly List<(Instant At, byte[] Bytes)> _confirms = [];
    private bool _isObserver;

    public void Dispose() => world.Dispose();

    [Fact]
    public void An_observer_who_brings_its_own_token_first_costs_no_time()
    {
        Instant began = Jump(observers: 1, relayAfter: RoundTrip / 2);
        Assert.True(world.RunUntil(() => IsBound, 500));
        // PREPARE and its own PREPARED, CONFIRM and BOUND, and a millisecond for the commit.
        Assert.Equal((2 * RoundTrip) + 1, (world.Now - began).TotalMilliseconds);
        Assert.Equal(2, Tokens.Count());
        Assert.Equal(Prepared.TokenOf(_answers[0]).ToArray(), Confirm.TokenOf(_confirms[0].Bytes).ToArray());
    }

    [Fact]
    public void Which_answer_comes_first_makes_no_difference()
    {
        Instant began = Jump(observers: 1, relayAfter: RoundTrip + 3);
        Assert.True(world.RunUntil(() => IsBound, 500));
        Assert.Equal((2 * RoundTrip) + 1, (world.Now - began).TotalMilliseconds);
        Assert.Equal(2, Tokens.Count());
    }

    [Fact]
    public void Repetitions_take_turns_so_that_a_lost_CONFIRM_is_made_up_for()
    {
        Instant began = Jump(observers: 1, relayAfter: RoundTrip + 3);
        world.Gateway.Ignores = (type, _) => type == MessageType.Confirm && world.Now - began < TimeSpan.FromMilliseconds(20);
        Assert.True(world.RunUntil(() => IsBound, 500));
        Assert.InRange((world.Now - began).TotalMilliseconds, 25, 70);
        Assert.Equal(2, Tokens.Count());
    }

    [Fact]
    public void Tokens_are_bounded_and_an_attempt_leaves_no_secret_behind()
    {
        int secrets = world.LiveSecrets;
        Jump(observers: 30, relayAfter: RoundTrip / 2);
        Assert.True(world.RunUntil(() => IsBound, 2000));
        Assert.Equal([ClientLimits.Tokens, 1], _confirms.GroupBy(sent => Confirm.ReceiverIndex(sent.Bytes)).Select(attempt =>
            attempt.Select(sent => Convert.ToHexString(Confirm.TokenOf(sent.Bytes))).Distinct().Count()));
        Assert.Equal(secrets, world.LiveSecrets);
    }

    [Fact]
    public void A_forged_answer_is_not_confirmed()
    {
        Instant began = Jump(observers: 1, relayAfter: 0);
        world.Gateway.Ignores = (type, _) => type == MessageType.Confirm;
        world.RunUntil(began + TimeSpan.FromMilliseconds(RoundTrip + 1));
        byte[] forged = [.. _answers[0]];
        forged[Prepared.TokenOffset] ^= 1;
        int sent = _confirms.Count;
        world.Datagram(Path, forged);
        Assert.Equal(sent, _confirms.Count);
        Assert.Equal(ReasonCode.BadMac, world.Reports.OfType<ClientReport.Rejected>().Last().Reason);
    }

    private bool IsBound => world.State.Reattach is null && world.Session!.Bound!.Uplink == "wan2" && world.Session.State == SessionState.Attached;

    private IEnumerable<string> Tokens => _confirms.Select(sent => Convert.ToHexString(Confirm.TokenOf(sent.Bytes))).Distinct();

    private ClientPath Path => world.State.OpenPaths.Single(path => path.Uplink == "wan2");

    /// <summary>The first uplink goes away; the observer copies the first PREPARE before the gateway has it, and hands over what it gets.</summary>
    /// <param name="observers">Addresses that the observer has.</param>
    /// <param name="relayAfter">When the client gets the answers, in milliseconds after its PREPARE.</param>
    private Instant Jump(int observers, int relayAfter)
    {
        Instant began = world.Now;
        world.Passes = (_, outwards, bytes) =>
        {
            if (_isObserver)
            {
                _answers.Add(bytes);
                return false;
            }
            if (outwards && bytes[0] == (byte)MessageType.Confirm) _confirms.Add((world.Now, bytes));
            if (outwards && bytes[0] == (byte)MessageType.Prepare && _answers.Count == 0) Copy(bytes, observers, relayAfter);
            return true;
        };
        world.Wan1.IsUp = false;
        world.UplinksChanged();
        return began;
    }

    private void Copy(byte[] prepare, int observers, int relayAfter)
    {
        _isObserver = true;
        for (int i = 0; i < observers; i++)
            world.Gateway.Receive(new(0, ClientWorld.GatewayEndpoint, Endpoint.FromIPv4(0xC6124206, (ushort)(6666 + i))), [.. prepare]);
        _isObserver = false;
        world.At(world.Now + TimeSpan.FromMilliseconds(relayAfter), () =>
        {
            foreach (byte[] answer in _answers) world.Datagram(Path, answer);
        });
    }
}
