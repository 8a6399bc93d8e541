using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using LanguageExt;
using static JumpingVpn.Domain.Tests.Sessions.Given;

namespace JumpingVpn.Domain.Tests.Sessions;

/// <summary>Random histories, 100,000 commands in all: what must hold whatever is asked, and in whatever order.</summary>
public class SessionProperties
{
    private const int Steps = 12_500;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Every_history_keeps_the_invariants_and_replays_to_the_same_session(int seed)
    {
        var random = new Random(seed);
        Owner[] nodes = [Node, NodeAgain, Other];
        int step = 0;
        var reasons = new System.Collections.Generic.HashSet<ReasonCode>();
        while (step < Steps)
        {
            Session session = Session.Birth(new SessionId((UInt128)random.NextInt64()));
            Session birth = session, snapshot = session;
            var all = new List<SessionEvent>();
            var sinceSnapshot = new List<SessionEvent>();
            double seconds = random.Next(1000);
            for (int life = 0; life < 400 && step < Steps && !(session.IsTerminal && life > 200); life++, step++)
            {
                seconds += random.Next(12) switch { 0 => random.Next(120), 1 => -random.NextDouble(), 2 => random.Next(40_000) / (double)random.Next(1, 400), _ => random.NextDouble() * 3 };
                SessionCommand command = Any(random, session, nodes, seconds);
                Either<Rejection, Seq<SessionEvent>> decided = SessionDecider.Decide(session, command, Policy);
                Assert.Equal(Text(decided), Text(SessionDecider.Decide(session, ReadBack(command), Policy)));
                if (decided.IsLeft)
                {
                    reasons.Add(decided.Match(_ => ReasonCode.None, rejection => rejection.Reason));
                    continue;
                }

                foreach (SessionEvent happened in decided.Match(events => events.ToArray(), _ => []))
                {
                    SessionEvent stored = SessionJson.ReadEvent(SessionEventNames.Of(happened), SessionJson.Of(happened)).Match(read => read, error => throw new InvalidOperationException(error.ToString()));
                    Assert.Equal(SessionJson.Of(happened).Text, SessionJson.Of(stored).Text);
                    Session next = SessionDecider.Evolve(session, stored).Match(evolved => evolved, error => throw new InvalidOperationException($"seed {seed}, step {step}: {error}"));
                    IReadOnlyList<string> violations = SessionInvariants.Check(session, happened, next);
                    Assert.True(violations.Count == 0, $"seed {seed}, step {step}: {string.Join("; ", violations)} after {happened}");
                    session = next;
                    all.Add(stored);
                    sinceSnapshot.Add(stored);
                    reasons.Add(happened.Reason);
                }

                if (random.Next(40) != 0 || session.State == SessionState.Birth) continue;
                string json = SessionJson.Of(session).Text;
                Assert.True(json.Length <= SessionLimits.MaxJsonSize);
                snapshot = SessionJson.ReadSession(SessionJson.Of(session)).Match(read => read, error => throw new InvalidOperationException($"seed {seed}, step {step}: {error}"));
                Assert.Equal(json, SessionJson.Of(snapshot).Text);
                sinceSnapshot.Clear();
            }

            if (session.State == SessionState.Birth) continue;
            string final = SessionJson.Of(session).Text;
            Assert.Equal(final, SessionDecider.Replay(birth, all).Match(replayed => SessionJson.Of(replayed).Text, error => error.ToString()));
            Assert.Equal(final, SessionDecider.Replay(snapshot, sinceSnapshot).Match(replayed => SessionJson.Of(replayed).Text, error => error.ToString()));
            Tamper(birth, all, random);
        }

        // The walk is worth nothing if it does not get around.
        Assert.Superset(new System.Collections.Generic.HashSet<ReasonCode>
        {
            ReasonCode.HandshakeOk, ReasonCode.VolatilitySignal, ReasonCode.StabilityRestored, ReasonCode.EnterDegraded, ReasonCode.TransportDead,
            ReasonCode.TransportSwitched, ReasonCode.KeysRotated, ReasonCode.OwnershipReleased, ReasonCode.OwnershipClaimed, ReasonCode.RecoveryWindowExceeded,
            ReasonCode.ReplayDetected, ReasonCode.VersionMismatch, ReasonCode.Cooldown, ReasonCode.WrongOwner, ReasonCode.Gone, ReasonCode.StaleTransport,
        }, reasons);
    }

    [Fact]
    public void The_largest_session_is_bounded()
    {
        var longest = new string('x', SessionLimits.MaxNameLength);
        var owner = new Owner(longest, new IncarnationId(UInt128.MaxValue));
        IpPrefix.TryParse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", out IpPrefix prefix);
        AddressSet.TryCreate(Enumerable.Repeat(prefix, SessionLimits.MaxAddresses), out AddressSet addresses);
        var wide = new Endpoint(UInt128.MaxValue, ushort.MaxValue);
        Session session = Attached().Session with
        {
            ClientName = longest,
            Addresses = addresses,
            Owner = owner,
            Version = SessionLimits.MaxVersion,
            KeyEpoch = SessionLimits.MaxKeyEpoch,
            LastNonce = ulong.MaxValue,
            ExpiresAt = Instant.Never,
            Switches = ulong.MaxValue,
            LastReason = ReasonCode.RecoveryWindowExceeded,
            Transport = new TransportBinding(ulong.MaxValue, longest, wide, wide, new(uint.MaxValue), Instant.Never),
        };
        Assert.InRange(SessionJson.Of(session).ToUtf8().Length, 1000, SessionLimits.MaxJsonSize);
    }

    /// <summary>An event left out, repeated or exchanged breaks the replay.</summary>
    private static void Tamper(Session birth, List<SessionEvent> all, Random random)
    {
        if (all.Count < 3) return;
        int index = random.Next(all.Count - 1);
        List<SessionEvent> missing = [.. all], repeated = [.. all], exchanged = [.. all];
        missing.RemoveAt(index);
        repeated.Insert(index, all[index]);
        (exchanged[index], exchanged[index + 1]) = (exchanged[index + 1], exchanged[index]);
        Assert.True(SessionDecider.Replay(birth, missing).IsLeft);
        Assert.True(SessionDecider.Replay(birth, repeated).IsLeft);
        Assert.True(SessionDecider.Replay(birth, exchanged).IsLeft);
    }

    private static string Text(Either<Rejection, Seq<SessionEvent>> decided) => decided.Match(
        events => string.Join("\n", events.Select(happened => SessionEventNames.Of(happened) + SessionJson.Of(happened).Text)), rejection => rejection.ToString());

    private static SessionCommand ReadBack(SessionCommand command)
    {
        CanonicalJson json = SessionJson.Of(command);
        SessionCommand read = SessionJson.ReadCommand(json).Match(value => value, error => throw new InvalidOperationException(error.ToString()));
        Assert.Equal(json.Text, SessionJson.Of(read).Text);
        return read;
    }

    private static SessionCommand Any(Random random, Session session, Owner[] nodes, double seconds)
    {
        Instant at = At(seconds);
        Owner owner = session.Owner.IfNone(nodes[random.Next(nodes.Length)]);
        Owner by = random.Next(12) == 0 ? nodes[random.Next(nodes.Length)] : owner;
        Option<Owner> fenced = random.Next(3) == 0 ? Option<Owner>.Some(random.Next(4) == 0 ? nodes[random.Next(nodes.Length)] : owner) : NoOne;
        var request = new ReattachRequest(
            (ReattachKind)random.Next(1, 7),
            random.Next(8) == 0 ? session.LastNonce - Math.Min(session.LastNonce, (ulong)random.Next(3)) : session.LastNonce + (ulong)random.Next(1, 4),
            random.Next(10) == 0 ? session.Version + 1 : session.BindingVersion,
            Wan(random.Next(1, 4)), random.Next(12) == 0 ? Restarted : session.Instance);
        bool good = random.Next(2) == 0;
        Instant since = At(seconds - (random.NextDouble() * 120));
        return random.Next(20) switch
        {
            0 or 1 => Establish(seconds) with { By = by },
            < 9 => new SessionCommand.Reattach(at, by, request),
            9 or 10 => new SessionCommand.Claim(at, nodes[random.Next(nodes.Length)], fenced, request),
            11 or 12 or 13 or 14 => new SessionCommand.ReportQuality(at, by, new(good ? 0 : 200_000, 30_000, good ? Instant.Never : since, good ? since : Instant.Never)),
            15 => new SessionCommand.LoseTransport(at, by, random.Next(3) == 0 ? 0 : session.BindingVersion, fenced),
            16 => new SessionCommand.Release(at, by),
            17 when random.Next(6) == 0 => new SessionCommand.Supersede(at, by, fenced, new SessionId((UInt128)random.Next())),
            18 when random.Next(6) == 0 => new SessionCommand.Terminate(at, by, fenced, ReasonCodes.All[random.Next(ReasonCodes.All.Count)]),
            _ => new SessionCommand.Tick(at, by, fenced),
        };
    }
}
