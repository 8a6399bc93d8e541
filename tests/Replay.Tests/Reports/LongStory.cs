using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Tests.Audit;
using LanguageExt;

namespace JumpingVpn.Replay.Tests.Reports;

/// <summary>Incidents for reports: what happened in them, and what was seen around it.</summary>
internal static class LongStory
{
    private const long Epoch = 1_790_000_000_000_000;

    /// <summary>A session that loses its transport every six seconds and jumps: that many events.</summary>
    public static History Of(int events)
    {
        History history = History.Established();
        for (int number = 1; number < events; number++)
        {
            double at = 6.0 * ((number + 1) / 2);
            if (number % 2 == 1) history.When(session => new SessionCommand.LoseTransport(History.At(at), History.GwA, session.BindingVersion));
            else history.Reattach(at + 0.3 + (number % 7 * 0.05), ReattachKind.Dead, 1 + (number / 2 % 2));
        }
        return history;
    }

    /// <summary>A story of two minutes in which most things happen.</summary>
    public static History Short()
    {
        History history = History.Established();
        history.When(session => new SessionCommand.LoseTransport(History.At(10), History.GwA, session.BindingVersion)).Reattach(12.4, ReattachKind.Dead, 2);
        history.When(_ => new SessionCommand.ReportQuality(History.At(40), History.GwA, new(120_000, 180_000, History.At(38), Instant.Never)));
        history.When(_ => new SessionCommand.ReportQuality(History.At(65), History.GwA, new(0, 20_000, Instant.Never, History.At(50))));
        history.Reattach(75, ReattachKind.Voluntary, 1);
        history.When(_ => new SessionCommand.Release(History.At(90), History.GwA)).Claim(93, 1);
        return history.When(_ => new SessionCommand.Terminate(History.At(120), History.GwB, Option<Owner>.None, ReasonCode.Explicit));
    }

    /// <summary>Samples of the gateway, refusals and link events over so many seconds.</summary>
    public static IEnumerable<IncidentRecord> Around(int seconds, int every)
    {
        for (int second = 0; second < seconds; second += every)
        {
            foreach (int wan in new[] { 1, 2 })
                yield return Seen(new Evidence.PathSample("gw-a", Wall(second), History.Id, History.Wan(wan).Remote.ToString(), Quality(second, wan) > 300_000 ? "Dead" : "Live",
                    second % 50 == 7 ? null : 18_000 + (second * 977 % 9_000) + (wan * 15_000), Quality(second, wan), wan == 1));
            if (second % (every * 9) == 0)
                yield return Seen(new Evidence.Rejections("gw-a", Wall(second + 0.5), "REPLAY_DETECTED", "203.0.113.9", 1 + (second % 13),
                    new(Wall(second), "203.0.113.9:4711", History.Id, "nonce 3 was used"), new(Wall(second + 0.4), "203.0.113.9:4712", History.Id, "nonce 4 was used")));
            if (second % (every * 20) == 0) yield return Seen(new Evidence.Link("gw-a", Wall(second + 0.7), "eth0", second % (every * 40) == 0 ? "carrier lost" : "carrier"));
        }
    }

    /// <summary>What a client whose clock is an hour ahead has seen of <see cref="Short"/>.</summary>
    public static IEnumerable<Evidence> Client()
    {
        yield return Mirrored(0.02, 1, SessionState.Birth, SessionState.Attached, "HANDSHAKE_OK", "wan1 10.1.0.2:4000 -> 192.0.2.1:51830");
        yield return Mirrored(9.9, 1, SessionState.Attached, SessionState.Recovering, "TRANSPORT_DEAD", "-");
        yield return Mirrored(12.45, 3, SessionState.Recovering, SessionState.Attached, "TRANSPORT_SWITCHED", "wan2 10.2.0.2:4000 -> 192.0.2.1:51830");
        yield return Mirrored(75.05, 6, SessionState.Attached, SessionState.Attached, "TRANSPORT_SWITCHED", "wan1 10.1.0.2:4000 -> 192.0.2.1:51830");
        yield return Mirrored(120.03, 9, SessionState.Attached, SessionState.Terminated, "EXPLICIT", "-");
        for (int second = 0; second < 120; second++)
            yield return new Evidence.PathSample("laptop", Ahead(second), History.Id, "wan1 192.0.2.1:51830", second is > 9 and < 45 ? "Dead" : "Live",
                second is > 9 and < 45 ? null : 21_000 + (second * 577 % 7_000), second is > 9 and < 45 ? 1_000_000 : 0, second is < 10 or > 74);
    }

    public static WallTime Wall(double seconds) => new(Epoch + (long)(seconds * 1e6));

    private static WallTime Ahead(double seconds) => Wall(seconds + 3600);

    private static int Quality(int second, int wan) => wan == 1 && second % 120 is > 8 and < 14 ? 600_000 : second % 120 is > 36 and < 48 ? 120_000 : 0;

    private static IncidentRecord.Observed Seen(Evidence evidence) => new(evidence);

    private static Evidence.Mirrored Mirrored(double at, long version, SessionState from, SessionState to, string reason, string transport) =>
        new("laptop", Ahead(at), History.Id, version, from, to, reason, transport, "");
}
