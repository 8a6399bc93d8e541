using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Domain.Tests.Gateway;

/// <summary>What a datagram says of its source, and what that is worth in a flood (REQ-FLOOD-8).</summary>
public sealed class ControlAdmissionTests : IDisposable
{
    private readonly GatewayStory _story = new();
    private readonly ControlAdmission _admission;

    public ControlAdmissionTests()
    {
        _story.Connected();
        var filter = new ControlFilter(_story.Crypto, AddressKeys.Derive(_story.Crypto, _story.Environment.Identity.Public), _story.Environment.ClusterKeys);
        filter.Rotate(_story.Crypto.GenerateSecret());
        _admission = ControlAdmission.Create(_story.Crypto, filter, _story.Environment.TokenSecret);
    }

    public void Dispose() => _story.Dispose();

    [Fact]
    public void What_is_new_and_proven_proves_its_source_and_a_copy_proves_nobodys()
    {
        byte[] report = _story.Client.Report();
        Assert.Equal(new(AdmissionVerdict.Pass, ReasonCode.None, SourceRecord.Unknown, IsVain: false), Check(report, GatewayStory.Cafe));
        Assert.Equal(SourceRecord.Proven, Check(_story.Client.Report(), GatewayStory.Cafe).Source);

        Assert.Equal(AdmissionVerdict.Pass, Check(report, GatewayStory.Attacker).Verdict);
        Assert.Equal(SourceRecord.Unknown, Check(report, GatewayStory.Attacker).Source);
    }

    [Fact]
    public void A_wrong_proof_speaks_against_its_source_from_the_next_datagram_on()
    {
        byte[] wrong = _story.Client.Prepare().Datagram;
        wrong[Prepare.ProofOffset] ^= 1;
        Assert.Equal(new(AdmissionVerdict.Drop, ReasonCode.BadProof, SourceRecord.Unknown, IsVain: true, NamesSession: true), Check(wrong, GatewayStory.Attacker));
        Assert.Equal(new(AdmissionVerdict.Drop, ReasonCode.BadProof, SourceRecord.Failing, IsVain: true, NamesSession: true), Check(wrong, GatewayStory.Attacker));
    }

    /// <summary>A packet filter lets in what bears the id, so everything that bears it counts.</summary>
    [Theory]
    [InlineData(MessageType.Prepare, Prepare.Size)]
    [InlineData(MessageType.Prepare, Prepare.Size - 1)]
    [InlineData(MessageType.Initiation, Initiation.Size)]
    [InlineData(MessageType.Bound, 100)]
    public void Whatever_comes_in_vain_and_bears_a_sessions_id_misuses_it_if_it_is_too_much(MessageType type, int size)
    {
        byte[] datagram = Bearing(type, size);
        Assert.True(Check(datagram, GatewayStory.Attacker) is { IsVain: true, NamesSession: true });
        for (int i = 0; i < 1000; i++) Check(datagram, GatewayStory.Attacker);
        Assert.True(Check(datagram, GatewayStory.Attacker) is { IsVain: true, NamesSession: false });

        Assert.Equal(0, _admission.ReadSessions(_story.State, new SessionId[10], _story.Now));
        Assert.Equal(1, _admission.ReadSessions(_story.State, new SessionId[10], _story.Now + SessionMisuse.Lifetime));
    }

    [Fact]
    public void A_made_up_id_names_no_session()
    {
        byte[] datagram = Bearing(MessageType.Prepare, Prepare.Size);
        datagram[Prepare.SessionOffset] ^= 1;
        for (int i = 0; i < 1000; i++) Assert.False(Check(datagram, GatewayStory.Attacker).NamesSession);
        Assert.False(Check(datagram.AsSpan(0, Prepare.SessionOffset + SessionId.Size - 1).ToArray(), GatewayStory.Attacker).NamesSession);

        var sessions = new SessionId[1];
        Assert.Equal(1, _admission.ReadSessions(_story.State, sessions, _story.Now));
        Assert.Equal(_story.State.Sessions.Keys, sessions);
        Assert.Equal(0, _admission.ReadSessions(_story.State, [], _story.Now));
    }

    [Fact]
    public void The_version_changes_when_a_source_is_proven_and_when_a_session_is_misused()
    {
        int before = _admission.Version;
        Check(_story.Client.Report(), GatewayStory.Cafe);
        Assert.Equal(before + 1, _admission.Version);
        for (int i = 0; i < 1000; i++) Check(Bearing(MessageType.Probe, Probe.Size), GatewayStory.Attacker);
        Assert.Equal(before + 2, _admission.Version);
    }

    [Fact]
    public void Who_forges_a_clients_address_does_not_make_it_fail()
    {
        Check(_story.Client.Report(), GatewayStory.Home);
        byte[] wrong = _story.Client.Report();
        wrong[Probe.MacOffset] ^= 1;
        for (int i = 0; i < 100; i++) Check(wrong, GatewayStory.Home);
        Assert.Equal(new(AdmissionVerdict.Pass, ReasonCode.None, SourceRecord.Proven, IsVain: false), Check(_story.Client.Report(), GatewayStory.Home));
    }

    [Fact]
    public void A_CONFIRM_that_nothing_can_judge_any_more_passes_and_proves_no_source()
    {
        _story.Store = null;
        Preparation preparation = _story.Client.Prepare();
        byte[] confirm = _story.Client.Confirm(preparation, Assert.Single(_story.Receive(GatewayStory.Home, preparation.Datagram)).Bytes);
        _story.Receive(GatewayStory.Home, confirm);
        confirm[^1] ^= 1;

        Assert.Equal(AdmissionVerdict.Pass, Check(confirm, GatewayStory.Attacker).Verdict);
        Assert.Equal(SourceRecord.Unknown, Check(confirm, GatewayStory.Attacker).Source);
    }

    /// <summary>All clients of a node that has died come at once; they are no flood.</summary>
    [Fact]
    public void Who_brings_an_id_of_this_cluster_waits_for_a_cookie_and_nothing_speaks_against_it()
    {
        MakeLoad();
        _story.Restart();
        byte[] prepare = _story.Client.Prepare().Datagram;
        for (int i = 0; i < 15; i++)
            Assert.Equal(new(AdmissionVerdict.SendCookie, ReasonCode.CookieRequired, SourceRecord.Unknown, IsVain: false), Check(prepare, GatewayStory.Home));
    }

    [Fact]
    public void First_messages_without_a_cookie_speak_against_their_source_under_load()
    {
        MakeLoad();
        byte[] initiation = _story.Client.Initiate().Datagram;
        for (int i = 0; i < 4; i++) Assert.Equal((SourceRecord.Unknown, true), Known(Check(initiation, GatewayStory.Cafe)));
        Assert.Equal((SourceRecord.Failing, true), Known(Check(initiation, GatewayStory.Cafe)));
    }

    [Fact]
    public void While_a_flood_uses_up_the_checks_a_client_on_a_proven_path_is_heard()
    {
        Check(_story.Client.Report(), GatewayStory.Home);
        byte[] wrong = _story.Client.Prepare().Datagram;
        wrong[Prepare.ProofOffset] ^= 1;
        int limited = 0;
        for (int i = 0; i < 20_000; i++)
        {
            TransportAddress neighbour = GatewayStory.Home with { Remote = GatewayStory.Home.Remote with { Port = (ushort)(10_000 + i) } };
            if (Check(wrong, neighbour).Reason == ReasonCode.RateLimited) limited++;
        }

        // The report was of an unknown source too.
        Assert.Equal(20_000 - (SourceBudgets.Default.Unknown.Burst - 1), limited);
        Assert.Equal(AdmissionVerdict.Drop, Check(_story.Client.Report(), GatewayStory.Cafe).Verdict);
        Assert.Equal(AdmissionVerdict.Pass, Check(_story.Client.Report(), GatewayStory.Home).Verdict);
    }

    /// <summary>The core's clock stands still while no node may serve: proven requests are answered then too.</summary>
    [Fact]
    public void Budgets_fill_while_the_cores_clock_stands_still()
    {
        byte[] junk = _story.Client.Prepare().Datagram;
        junk[Prepare.ProofOffset] ^= 1;
        for (int i = 0; i < 20_000; i++)
            Check(junk, GatewayStory.Home with { Remote = GatewayStory.Home.Remote with { Port = (ushort)(10_000 + i) } });
        byte[] prepare = _story.Client.Prepare().Datagram;
        Assert.Equal(ReasonCode.RateLimited, Check(prepare, GatewayStory.Cafe).Reason);
        Instant later = _story.Now + TimeSpan.FromSeconds(1);
        Assert.Equal(AdmissionVerdict.Pass, _admission.Check(_story.State, GatewayStory.Cafe, prepare, _story.Now, later).Verdict);
    }

    private static (SourceRecord, bool) Known(AdmissionResult result) => (result.Source, result.IsVain);

    private void MakeLoad()
    {
        byte[] initiation = _story.Client.Initiate().Datagram;
        for (int i = 0; i <= ControlFilter.LoadThreshold; i++)
            Check(initiation, GatewayStory.Attacker with { Remote = GatewayStory.Attacker.Remote with { Port = (ushort)(1 + i) } });
    }

    private byte[] Bearing(MessageType type, int size)
    {
        byte[] datagram = new byte[size];
        datagram[0] = (byte)type;
        Assert.Single(_story.State.Sessions).Key.Write(datagram.AsSpan(Prepare.SessionOffset));
        return datagram;
    }

    private AdmissionResult Check(byte[] datagram, TransportAddress source) => _admission.Check(_story.State, source, datagram, _story.Now, _story.Now);
}
