using System.Diagnostics;
using System.Globalization;
using System.Net;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using LanguageExt;

namespace JumpingVpn.Bench;

/// <summary>
/// Checks one large incident file again and again: chain, signatures (one in 64 events, as an export has them), invariants, and every event
/// decided again from its cause. One thread; the file is in the page cache.
/// </summary>
internal static class VerifyBench
{
    private static readonly SessionId Id = new(new UInt128(1, 2));
    private static readonly Owner Gateway = new("gw-a", new IncarnationId(new UInt128(3, 4)));

    public static int Run(int events, int rounds)
    {
        string path = Path.Combine(Path.GetTempPath(), $"jumping-vpn-verify-{Environment.ProcessId}");
        try
        {
            Write(path, events);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{events} events, {new FileInfo(path).Length / 1e6:0.0} MB"));
            for (int round = 1; round <= rounds; round++)
            {
                long allocated = GC.GetTotalAllocatedBytes();
                TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
                long start = Stopwatch.GetTimestamp();
                if (Check(path) is not { } summary) return 1;
                double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
                double cpu = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"round {round}: {summary.Events / wall:0} events/s by the clock, {summary.Events / cpu:0} events/s of processor time, "
                    + $"{(GC.GetTotalAllocatedBytes() - allocated) / (double)summary.Events:0} bytes allocated per event, "
                    + $"{GC.GetTotalMemory(false) / 1e6:0.0} MB live"));
            }
            return 0;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static IncidentSummary? Check(string path)
    {
        using var reader = (IncidentFileReader)IncidentFileReader.Open(path);
        var check = new IncidentCheck(SodiumAuditVerifier.Instance, null);
        while (reader.Read() && check.Take(reader.Line, reader.Digest))
        {
        }
        IncidentSummary? summary = check.Finish();
        if (summary is null || reader.Fault is not null) Console.Error.WriteLine($"bench: {reader.Fault ?? check.Fault?.ToString()}");
        return summary;
    }

    private static void Write(string path, int events)
    {
        using var signer = new AuditSigner(new byte[32]);
        using var output = new FileStream(path, FileMode.Create, FileAccess.Write);
        SessionPolicy policy = SessionPolicy.Default with { SessionLifetime = TimeSpan.FromDays(365) };
        Hash256 hash = SessionJson.HashOf(policy);
        var writer = new IncidentFileWriter(output, new("0.1.0", Id, IncidentRole.Gateway, IncidentOrigin.Node, "gw-a", new(0)));
        writer.Add(new IncidentRecord.Policy(hash, SessionJson.Of(policy)));
        writer.Add(new IncidentRecord.NodeKey("gw-a", signer.Key));
        Session session = Session.Birth(Id);
        ChainHead head = HashChain.Start(Id);
        for (int i = 0; i < events; i++)
        {
            SessionCommand command = Next(session, i, hash);
            SessionEvent happened = ((Seq<SessionEvent>)SessionDecider.Decide(session, command, policy)).Head;
            session = (Session)SessionDecider.Evolve(session, happened);
            EventEnvelope envelope = HashChain.Seal(head, new(
                SessionEventNames.Of(happened), happened.At, new(1_790_000_000_000_000 + i), happened.Reason.Name(), SessionJson.Of(command), hash, "gw-a",
                Gateway.Incarnation, (long)session.OwnershipEpoch, SessionJson.Of(happened)));
            head = HashChain.After(envelope);
            writer.Add(new IncidentRecord.Event(envelope));
            if (i % 64 == 63) writer.Add(new IncidentRecord.Signed(SignedHead.Sign(signer, "gw-a", new(i), [HeadLeaf.Of(envelope)], 0)));
        }
        writer.Seal(signer);
    }

    /// <summary>A session that loses its transport and gets another one, all the time.</summary>
    private static SessionCommand Next(Session session, int step, Hash256 policy)
    {
        var at = Instant.FromMilliseconds(10_000L * step);
        if (session.State == SessionState.Birth)
            return new SessionCommand.Establish(at, Gateway, new PublicKey(1, 1), "laptop", AddressSet.Empty, new InstanceId(5), Wan(1), policy);
        return session.State == SessionState.Recovering
            ? new SessionCommand.Reattach(at, Gateway, new(ReattachKind.Dead, session.LastNonce + 1, session.BindingVersion, Wan(step % 3), session.Instance))
            : new SessionCommand.LoseTransport(at, Gateway, session.BindingVersion);
    }

    private static TransportCandidate Wan(int number) => new(
        Endpoint.From(IPAddress.Parse("198.51.100.7"), 40_000 + number), Endpoint.From(IPAddress.Parse("192.0.2.1"), 51830), new PathId((uint)number));
}
