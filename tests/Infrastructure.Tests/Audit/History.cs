using System.Net;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>A session's history as a store keeps it, made by the decider.</summary>
internal sealed class History
{
    public static readonly SessionId Id = new(new UInt128(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210));
    public static readonly Owner GwA = new("gw-a", new IncarnationId(new UInt128(0xa, 1)));
    public static readonly Owner GwB = new("gw-b", new IncarnationId(new UInt128(0xb, 2)));
    public static readonly PublicKey Client = new(7, 9);
    public static readonly InstanceId Instance = new(0xa1);
    private const long Epoch = 1_790_000_000_000_000;

    private ChainHead _head = HashChain.Start(Id);
    private ulong _nonce;

    public History(SessionPolicy? policy = null) => Policy = policy ?? SessionPolicy.Default;

    public SessionPolicy Policy { get; }

    public Hash256 PolicyHash => SessionJson.HashOf(Policy);

    public Session Session { get; private set; } = Session.Birth(Id);

    public List<EventEnvelope> Envelopes { get; } = [];

    public EventEnvelope Last => Envelopes[^1];

    /// <summary>The snapshot that compaction would put in the place of the last event.</summary>
    public EventEnvelope Snapshot() => HashChain.SealSnapshot(_head, Domain.Audit.Snapshot.Draft(
        SessionJson.Of(Session), Session.UpdatedAt, Wall(Session.UpdatedAt), PolicyHash, GwA.Node, GwA.Incarnation, (long)Session.OwnershipEpoch));

    public History When(Func<Session, SessionCommand> make)
    {
        SessionCommand command = make(Session);
        var events = (Seq<SessionEvent>)SessionDecider.Decide(Session, command, Policy);
        Assert.False(events.IsEmpty);
        Session after = (Session)SessionDecider.Replay(Session, events);
        foreach (SessionEvent happened in events)
        {
            EventEnvelope envelope = HashChain.Seal(_head, new EventDraft(
                SessionEventNames.Of(happened), happened.At, Wall(happened.At), happened.Reason.Name(), SessionJson.Of(command), PolicyHash, command.By.Node,
                command.By.Incarnation, (long)after.OwnershipEpoch, SessionJson.Of(happened)));
            _head = HashChain.After(envelope);
            Envelopes.Add(envelope);
        }
        Session = after;
        return this;
    }

    /// <summary>Established at second 0 by gw-a.</summary>
    public static History Established(SessionPolicy? policy = null) => new History(policy).When(_ =>
    {
        Assert.True(AddressSet.TryCreate([IpPrefix.TryParse("10.77.0.2/32", out IpPrefix prefix) ? prefix : default], out AddressSet addresses));
        return new SessionCommand.Establish(At(0), GwA, Client, "laptop", addresses, Instance, Wan(1), SessionJson.HashOf(policy ?? SessionPolicy.Default));
    });

    /// <summary>Established, lost, moved, taken over by gw-b, ended: six events of five kinds.</summary>
    public static History Story() => Established()
        .When(session => new SessionCommand.LoseTransport(At(10), GwA, session.BindingVersion))
        .Reattach(12, ReattachKind.Dead, 2)
        .When(_ => new SessionCommand.Release(At(20), GwA))
        .Claim(21, 1)
        .When(_ => new SessionCommand.Terminate(At(30), GwB, Option<Owner>.None, ReasonCode.Explicit));

    public History Reattach(double at, ReattachKind kind, int wan) =>
        When(session => new SessionCommand.Reattach(At(at), GwA, Request(session, kind, wan)));

    public History Claim(double at, int wan) =>
        When(session => new SessionCommand.Claim(At(at), GwB, Option<Owner>.None, Request(session, ReattachKind.Dead, wan)));

    public ReattachRequest Request(Session session, ReattachKind kind, int wan) =>
        new(kind, ++_nonce, session.BindingVersion, Wan(wan), session.Instance);

    public static Instant At(double seconds) => new((long)(seconds * TimeSpan.TicksPerSecond));

    public static TransportCandidate Wan(int number) => new(
        Endpoint.From(IPAddress.Parse($"198.51.100.{number}"), 4000), Endpoint.From(IPAddress.Parse("192.0.2.1"), 51830), new PathId((uint)number));

    public static WallTime Wall(Instant at) => new(Epoch + (at.Ticks / TimeSpan.TicksPerMicrosecond));
}
