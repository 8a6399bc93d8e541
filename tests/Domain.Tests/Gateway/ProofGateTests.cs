using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>What reaches the core's queue, and what copies may use up (REQ-FLOOD-6, REQ-FLOOD-7).</summary>
public sealed class ProofGateTests : IDisposable
{
    private static readonly TransportAddress Elsewhere = GatewayStory.At("198.51.100.66:4444");

    private readonly GatewayStory _story = new();
    private readonly ProofGate _gate;
    private ReasonCode _reason;

    public ProofGateTests()
    {
        _story.Connected();
        _gate = new(_story.Crypto, _story.Crypto, _story.Environment.TokenSecret, new KeyedMix(seed: 1));
    }

    public void Dispose() => _story.Dispose();

    [Fact]
    public void What_the_sessions_holder_makes_is_proven()
    {
        Assert.Equal(GateVerdict.Proven, Check(_story.Client.Prepare().Datagram));
        Assert.Equal(GateVerdict.Proven, Check(_story.Client.Report()));
        Assert.Equal(GateVerdict.Proven, Check(_story.Client.End(EndKind.Explicit, out _)));
    }

    [Fact]
    public void Every_bit_of_a_request_is_covered_by_its_proof()
    {
        foreach (byte[] genuine in (byte[][])[_story.Client.Prepare().Datagram, _story.Client.Report(), _story.Client.End(EndKind.Explicit, out _)])
        {
            // The id has been looked at before, and the cookie's MAC is no part of the request.
            int end = genuine[0] == (byte)MessageType.Probe ? genuine.Length : genuine.Length - ProtocolConstants.MacSize;
            for (int bit = 20 * 8; bit < end * 8; bit++)
            {
                byte[] altered = [.. genuine];
                altered[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.Equal(GateVerdict.Drop, Check(altered));
                Assert.Equal(ReasonCode.BadProof, _reason);
            }
        }
    }

    [Fact]
    public void A_confirmation_counts_only_from_its_source_and_only_with_an_index_that_was_given_out()
    {
        Preparation preparation = _story.Client.Prepare();
        byte[] confirm = _story.Client.Confirm(preparation, Assert.Single(_story.Receive(GatewayStory.Home, preparation.Datagram)).Bytes);

        Assert.Equal(GateVerdict.Drop, Check(confirm, Elsewhere));
        Assert.Equal(ReasonCode.TokenMismatch, _reason);
        byte[] unknown = [.. confirm];
        unknown[4] ^= 1;
        Assert.Equal(GateVerdict.Drop, Check(unknown));
        Assert.Equal(ReasonCode.UnknownReceiver, _reason);
        byte[] forged = [.. confirm];
        forged[^1] ^= 1;
        Assert.Equal(GateVerdict.Drop, Check(forged));
        Assert.Equal(ReasonCode.BadMac, _reason);
        Assert.Equal(GateVerdict.Proven, Check(confirm));

        _story.Receive(GatewayStory.Home, confirm);
        Assert.Equal(GateVerdict.Repeated, Check(confirm));
        Assert.Equal(GateVerdict.Drop, Check(confirm, Elsewhere));
    }

    [Fact]
    public void Copies_of_an_old_request_do_not_use_up_what_its_holder_may_send()
    {
        byte[] old = _story.Client.Prepare().Datagram;
        Assert.Equal(GateVerdict.Proven, Check(old));
        int passed = Enumerable.Range(0, 10_000).Count(_ => Check(old, Elsewhere) == GateVerdict.Repeated);

        Assert.Equal(ProofGate.RepeatedRequests.Burst, passed);
        Assert.Equal(ReasonCode.RateLimited, _reason);
        for (int i = 1; i < ProofGate.Requests.Burst; i++) Assert.Equal(GateVerdict.Proven, Check(_story.Client.Prepare().Datagram));
        Assert.Equal(GateVerdict.Drop, Check(_story.Client.Prepare().Datagram));
    }

    [Fact]
    public void Copies_of_old_probes_do_not_use_up_what_their_holder_may_send()
    {
        byte[][] old = [.. Enumerable.Range(0, 50).Select(_ => _story.Client.Report())];
        foreach (byte[] probe in old) Assert.Equal(GateVerdict.Proven, Check(probe));
        int passed = Enumerable.Range(0, 10_000).Count(i => Check(old[i % old.Length], Elsewhere) == GateVerdict.Repeated);

        Assert.Equal(ProofGate.RepeatedProbes.Burst, passed);
        Assert.Equal(GateVerdict.Proven, Check(_story.Client.Report()));
    }

    [Fact]
    public void Where_memory_cannot_prove_anything_an_id_passes_a_few_times_and_needs_a_cookie_under_load()
    {
        _story.Restart();
        byte[] prepare = _story.Client.Prepare().Datagram;
        int passed = Enumerable.Range(0, 1000).Count(_ => Check(prepare) == GateVerdict.Unproven);

        Assert.Equal(ProofGate.Unproven.Burst, passed);
        Assert.Equal(ReasonCode.RateLimited, _reason);
        _story.Now += TimeSpan.FromSeconds(1);
        Assert.Equal(GateVerdict.Unproven, Check(prepare));
    }

    [Fact]
    public void A_client_that_fears_for_its_path_does_not_use_up_what_its_move_needs()
    {
        GatewayState nobody = _story.State with { Sessions = _story.State.Sessions.Clear() };
        for (int i = 0; i < 100; i++) _gate.Check(nobody, GatewayStory.Home, _story.Client.Report(), _story.Now, out _reason);
        Assert.Equal(ReasonCode.RateLimited, _reason);
        Assert.Equal(GateVerdict.Unproven, _gate.Check(nobody, GatewayStory.Home, _story.Client.Prepare().Datagram, _story.Now, out _reason));
    }

    [Fact]
    public void A_key_that_was_released_meanwhile_leaves_the_answer_to_the_core()
    {
        byte[] prepare = _story.Client.Prepare().Datagram;
        GatewayState before = _story.State;
        _story.Input(new GatewayInput.TerminateRequested(_story.Session.Session.Id, 1));

        Assert.Empty(_story.State.Sessions);
        Assert.Equal(GateVerdict.Unproven, _gate.Check(before, GatewayStory.Home, prepare, _story.Now, out _reason));
    }

    [Fact]
    public void It_allocates_nothing()
    {
        byte[] genuine = _story.Client.Report(), forged = [.. genuine];
        forged[^1] ^= 1;
        byte[] confirm = new byte[Confirm.Size];
        confirm[0] = (byte)MessageType.Confirm;
        void All()
        {
            for (int i = 0; i < 1000; i++)
            {
                Check(genuine);
                Check(forged);
                Check(confirm);
            }
        }

        // The runtime allocates now and then while it compiles anew what runs often; what the checks allocate they allocate each time.
        Assert.Contains(0L, Enumerable.Range(0, 10).Select(_ =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            All();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }));
    }

    private GateVerdict Check(byte[] datagram) => Check(datagram, GatewayStory.Home);

    private GateVerdict Check(byte[] datagram, TransportAddress source) => _gate.Check(_story.State, source, datagram, _story.Now, out _reason);
}
