using System.Collections.Immutable;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Simulation.Tests.Plan;

namespace JumpingVpn.Simulation.Tests;

/// <summary>What a simulated gateway has stored can be exported, and holds: chain, invariants, and every event decided again from its cause.</summary>
public class ExportTests
{
    private const ulong Seeds = 200;

    [Fact]
    public void Every_session_of_two_hundred_seeds_is_exported_and_verified()
    {
        using var signer = new AuditSigner(new byte[32]);
        long events = 0, sessions = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            Scenario scenario = Scenario.From(seed);
            var world = new World(scenario, keepsTrace: false, mutation: null, isReal: false);
            world.Run();
            var listing = new AuditListing([], [new(SessionJson.HashOf(scenario.Policy), SessionJson.Of(scenario.Policy))]);
            foreach (StoredStream stream in world.Store.State.List())
            {
                LoadResult.Found found = Assert.IsType<LoadResult.Found>(world.Store.State.Load(stream.Head.Stream));
                using var file = new MemoryStream();
                var header = new IncidentRecord.Header("0.1.0", stream.Head.Stream, IncidentRole.Gateway, IncidentOrigin.Node, "gw", default);
                Assert.Null(IncidentExport.Write(new(header, signer, listing, found.History.Envelopes, null, []), file));
                file.Position = 0;
                using var reader = new IncidentFileReader($"seed {seed}", file);
                var check = new IncidentCheck(SodiumAuditVerifier.Instance, new TrustedKeys([(signer.Key, "gw")]));
                while (reader.Read() && check.Take(reader.Line, reader.Digest))
                {
                }
                IncidentSummary? summary = check.Finish();
                Assert.True(summary is not null && reader.Fault is null, $"seed {seed}, session {stream.Head.Stream}: {reader.Fault ?? check.Fault?.ToString()}");
                Assert.Equal(stream.Head.Version, summary.LastVersion);
                events += summary.Events;
                sessions++;
            }
        }
        Assert.True(sessions >= (long)Seeds && events > 2 * sessions, $"{sessions} sessions, {events} events");
    }
}
