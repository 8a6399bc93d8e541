using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>Sessions, events and commands are written straight into bytes: those are canonical, and reading any others is total.</summary>
public class SessionJsonWritingTests
{
    private static readonly Option<Owner> Gone = Other;

    private static IEnumerable<SessionCommand> Commands(Session session)
    {
        yield return Establish() with { ClientName = "caf\u00e9 \"one\" \\ \ud83d\ude00" };
        yield return Establish() with { ClientName = Option<string>.None, Addresses = AddressSet.Empty };
        foreach (ReattachKind kind in Enum.GetValues<ReattachKind>()) yield return new SessionCommand.Reattach(At(1), Node, Request(session, kind, 2));
        yield return new SessionCommand.Claim(At(1), Other, Gone, Request(session, ReattachKind.Dead, 2));
        yield return new SessionCommand.Claim(At(1), Other, NoOne, Request(session, ReattachKind.Dead, 2));
        yield return new SessionCommand.ReportQuality(At(1), Node, Bad(1));
        yield return new SessionCommand.LoseTransport(At(1), Node, ulong.MaxValue, Gone);
        yield return new SessionCommand.Release(new Instant(long.MinValue), Node);
        yield return new SessionCommand.Supersede(At(1), Node, NoOne, new SessionId(9));
        yield return new SessionCommand.Terminate(At(1), Node, Gone, ReasonCode.DualClient);
        yield return new SessionCommand.Tick(At(1), Node, NoOne);
    }

    private static Story[] Stories() => [Attached(), Volatile(), Degraded(), Recovering(), Released(), Terminated()];

    [Fact]
    public void Every_command_is_canonical_and_reads_back()
    {
        foreach (SessionCommand command in Commands(Attached().Session))
        {
            CanonicalJson written = SessionJson.Of(command);
            Assert.Equal(written, Right(CanonicalJson.Parse(written.Text)));
            Assert.Equal(written, SessionJson.Of(Right(SessionJson.ReadCommand(written))));
        }
    }

    [Fact]
    public void Every_session_and_event_is_canonical_and_reads_back()
    {
        foreach (Story story in Stories())
        {
            CanonicalJson session = SessionJson.Of(story.Session);
            Assert.Equal(session, Right(CanonicalJson.Parse(session.Text)));
            Assert.Equal(session, SessionJson.Of(Right(SessionJson.ReadSession(session))));
            foreach (SessionCommand command in Commands(story.Session))
            {
                Either<Rejection, Seq<SessionEvent>> decided = SessionDecider.Decide(story.Session, command with { At = story.Session.UpdatedAt + TimeSpan.FromSeconds(20) }, Policy);
                if (decided.IsLeft) continue;
                foreach (SessionEvent happened in (Seq<SessionEvent>)decided)
                {
                    CanonicalJson written = SessionJson.Of(happened);
                    Assert.Equal(written, Right(CanonicalJson.Parse(written.Text)));
                    Assert.Equal(written, SessionJson.Of(Right(SessionJson.ReadEvent(SessionEventNames.Of(happened), written))));
                }
            }
        }
    }

    [Fact]
    public void IPv6_endpoints_are_canonical_and_read_back()
    {
        Assert.True(Endpoint.TryParse("[2001:db8::1]:51830", out Endpoint remote));
        SessionCommand.Establish command = Establish() with { Transport = new(remote, remote with { Port = 0 }, new(uint.MaxValue)) };
        CanonicalJson written = SessionJson.Of(command);
        Assert.Equal(written, Right(CanonicalJson.Parse(written.Text)));
        Assert.Equal(command.Transport, ((SessionCommand.Establish)Right(SessionJson.ReadCommand(written))).Transport);
    }

    [Fact]
    public void Whatever_stands_in_a_member_reading_gives_a_value_or_an_error()
    {
        JsonValue[] replacements =
        [
            JsonValue.Null, JsonValue.True, JsonValue.Of(-1), JsonValue.Of(""), JsonValue.Of("\u00e9"), JsonValue.Of(new string('9', 400)), JsonValue.Array(), JsonValue.Object(),
        ];
        int errors = 0;
        foreach (SessionCommand command in Commands(Attached().Session))
        {
            foreach (JsonValue changed in Changed(SessionJson.Of(command).ToValue(), replacements))
            {
                CanonicalJson text = CanonicalJson.From(changed);
                Either<HistoryError, SessionCommand> read = SessionJson.ReadCommand(text);
                if (read.IsLeft) errors++;
                else _ = SessionJson.Of(Right(read));
            }
        }
        Assert.True(errors > 500, $"{errors} errors");
    }

    /// <summary>The value with each member, however deep, left out or replaced.</summary>
    private static IEnumerable<JsonValue> Changed(JsonValue value, JsonValue[] replacements)
    {
        if (value is not JsonValue.Members members) yield break;
        for (int i = 0; i < members.Sorted.Length; i++)
        {
            (string name, JsonValue inner) = members.Sorted[i];
            yield return new JsonValue.Members(members.Sorted.RemoveAt(i));
            foreach (JsonValue replacement in replacements.Concat(Changed(inner, replacements)))
                yield return new JsonValue.Members(members.Sorted.SetItem(i, (name, replacement)));
        }
    }

    private static T Right<TLeft, T>(Either<TLeft, T> either) => either.Match(Right: static value => value, Left: static left => throw new InvalidOperationException(left!.ToString()));
}
