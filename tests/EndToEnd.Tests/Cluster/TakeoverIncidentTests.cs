using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.EndToEnd.Tests.Operation;
using JumpingVpn.Infrastructure.Audit;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>What is known of a session after its owner was killed and another node took it over.</summary>
public sealed class TakeoverIncidentTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    [ClusterFact]
    public void Both_gateways_and_the_client_export_one_history_and_the_dead_ones_part_comes_from_its_files()
    {
        using ClusterRun run = lab.Begin();
        run.Stream();
        lab.Nodes.NodeAt(run.Owner).Kill();
        run.AwaitOwner(run.Other);
        run.AwaitFlow();

        string[] parts = [.. new[] { "dead.jvi", "taken.jvi", "client.jvi" }.Select(lab.Nodes.PathOf)];
        IncidentTests.Export(run.Session, parts[0], "--config", lab.Nodes.PathOf($"gw{run.Owner}.yaml"));
        IncidentTests.Export(run.Session, parts[1], "--control", lab.Nodes.NodeAt(run.Other).ControlPath);
        IncidentTests.Export(run.Session, parts[2], "--control", lab.Nodes.Client.ControlPath);
        string both = lab.Nodes.PathOf("both.jvi");
        using (FileStream joined = File.Create(both)) Assert.Equal(3, (int)IncidentJoining.Join(parts, joined));
        string keys = string.Concat(new[] { "gw1.yaml", "gw2.yaml", "client.yaml" }.Select(file => IncidentTests.Key(lab.Nodes.PathOf(file))));
        IncidentSummary summary = IncidentTests.Verify(both, TrustedKeys.Parse(keys).IfLeft(problem => throw new InvalidOperationException(problem)));

        Assert.Equal(["client", "gw1", "gw2"], summary.Keys.Select(key => key.Node));
        Assert.All(summary.Keys, key => Assert.True(key.IsTrusted));
        using var reader = (IncidentFileReader)IncidentFileReader.Open(both);
        var incident = (Incident)reader.ReadAll();
        SessionEvent[] events = [.. incident.Steps.Select(step => step.Happened).OfType<SessionEvent>()];
        Assert.Equal([ReasonCode.HandshakeOk, ReasonCode.OwnershipClaimed], events.Select(happened => happened.Reason).Where(reason => reason is ReasonCode.HandshakeOk or ReasonCode.OwnershipClaimed));
        Assert.Equal($"gw{run.Other}", incident.Steps[^1].After.Owner.Match(owner => owner.Node, () => ""));
        Assert.Contains(incident.Evidence, seen => seen.Node == $"gw{run.Owner}");
        Assert.Contains(incident.Evidence, seen => seen.Node == $"gw{run.Other}");
    }
}
