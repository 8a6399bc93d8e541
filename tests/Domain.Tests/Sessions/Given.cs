using System.Net;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>Values that the stories about sessions share.</summary>
internal static class Given
{
    public static readonly SessionPolicy Policy = SessionPolicy.Default;
    public static readonly SessionId Id = new(0x0123_4567_89ab_cdef);
    public static readonly PublicKey Client = new(7, 9);
    public static readonly InstanceId Instance = new(0xa1);
    public static readonly InstanceId Restarted = new(0xa2);
    public static readonly Owner Node = new("gw-a", new IncarnationId(1));
    public static readonly Owner NodeAgain = new("gw-a", new IncarnationId(2));
    public static readonly Owner Other = new("gw-b", new IncarnationId(3));
    public static readonly Hash256 PolicyHash = new(5, 6);
    public static readonly Option<Owner> NoOne = Option<Owner>.None;

    public static Instant At(double seconds) => new((long)(seconds * TimeSpan.TicksPerSecond));

    public static TransportCandidate Wan(int number, int port = 4000) => new(
        Endpoint.From(IPAddress.Parse($"198.51.100.{number}"), port), Endpoint.From(IPAddress.Parse("192.0.2.1"), 51830), new PathId((uint)number));

    public static AddressSet Addresses(params string[] prefixes)
    {
        Assert.True(AddressSet.TryCreate(prefixes.Select(text => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text)), out AddressSet set));
        return set;
    }

    public static SessionCommand.Establish Establish(double at = 0) => new(
        At(at), Node, Client, "laptop", Addresses("10.77.0.2/32", "fd77::2/128"), Instance, Wan(1), PolicyHash);

    public static ReattachRequest Request(Session session, ReattachKind kind, int wan, ulong? nonce = null) => new(
        kind, nonce ?? session.LastNonce + 1, session.BindingVersion, Wan(wan), kind == ReattachKind.Resume ? Restarted : session.Instance);

    public static QualityReport Bad(double since) => new(300_000, 20_000, At(since), Instant.Never);

    public static QualityReport Good(double since) => new(0, 20_000, Instant.Never, At(since));

    /// <summary>A session that was established at second 0.</summary>
    public static Story Attached() => new Story(Session.Birth(Id)).When(_ => Establish());

    /// <summary>Volatile since second 11.</summary>
    public static Story Volatile() => Attached().When(_ => new SessionCommand.ReportQuality(At(11), Node, Bad(10)));

    /// <summary>Degraded since second 71, because it was volatile for too long.</summary>
    public static Story Degraded() => Volatile().When(_ => new SessionCommand.Tick(At(71), Node, NoOne));

    /// <summary>Recovering since second 10.</summary>
    public static Story Recovering() => Attached().When(session => new SessionCommand.LoseTransport(At(10), Node, session.BindingVersion));

    /// <summary>Released at second 10: Recovering, without owner.</summary>
    public static Story Released() => Attached().When(_ => new SessionCommand.Release(At(10), Node));

    /// <summary>Terminated at second 10.</summary>
    public static Story Terminated() => Attached().When(_ => new SessionCommand.Terminate(At(10), Node, NoOne, ReasonCode.Explicit));
}

/// <summary>Given events, when a command, then events: one step after the other, with every invariant checked.</summary>
internal sealed record Story(Session Session, SessionPolicy? Policy = null)
{
    public Story With(SessionPolicy policy) => this with { Policy = policy };

    /// <summary>The command is accepted and changes the session.</summary>
    public Story When(Func<Session, SessionCommand> command)
    {
        IReadOnlyList<SessionEvent> events = Accepted(command(Session));
        Assert.NotEmpty(events);
        return this with { Session = Apply(Session, events) };
    }

    /// <summary>The command leads to exactly one event of that type, into that state.</summary>
    public Story Then<T>(Func<Session, SessionCommand> command, SessionState state, ReasonCode reason)
        where T : SessionEvent
    {
        SessionEvent happened = Assert.Single(Accepted(command(Session)));
        Assert.IsType<T>(happened);
        Session next = Apply(Session, [happened]);
        Assert.Equal(state, next.State);
        Assert.Equal(reason.Name(), next.LastReason.Name());
        return this with { Session = next };
    }

    /// <summary>The command is accepted, and there is nothing to do.</summary>
    public Story Ignores(Func<Session, SessionCommand> command)
    {
        Assert.Empty(Accepted(command(Session)));
        return this;
    }

    /// <summary>The command is refused for that reason.</summary>
    public Story Refuses(Func<Session, SessionCommand> command, ReasonCode reason, TimeSpan? retryAfter = null)
    {
        Rejection rejection = Decide(command(Session)).Match(
            events => throw new InvalidOperationException("accepted: " + string.Join(", ", events)), refused => refused);
        Assert.Equal(reason.Name(), rejection.Reason.Name());
        Assert.True(rejection.Reason.IsRejection());
        Assert.Equal(Session.BindingVersion, rejection.BindingVersion);
        if (retryAfter is { } wait) Assert.Equal(wait, rejection.RetryAfter);
        return this;
    }

    public IReadOnlyList<SessionEvent> Accepted(SessionCommand command) => Decide(command).Match(
        events => events.ToArray(), refused => throw new InvalidOperationException("refused: " + refused + " for " + command));

    public Either<Rejection, Seq<SessionEvent>> Decide(SessionCommand command) => SessionDecider.Decide(Session, command, Policy ?? Given.Policy);

    public static Session Apply(Session session, IEnumerable<SessionEvent> events)
    {
        foreach (SessionEvent happened in events)
        {
            Session next = SessionDecider.Evolve(session, happened).Match(
                evolved => evolved, error => throw new InvalidOperationException(error.ToString()));
            Assert.Empty(SessionInvariants.Check(session, happened, next));
            session = next;
        }

        return session;
    }
}
