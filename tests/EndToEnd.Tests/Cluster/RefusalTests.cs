using JumpingVpn.Node.Lab;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.EndToEnd.Tests.Cluster;

/// <summary>What must not join a cluster says so in one line and leaves it alone.</summary>
public sealed class RefusalTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    [ClusterFact]
    public void A_node_id_that_is_in_use()
    {
        using ClusterRun run = lab.Begin();
        CliResult result = Run("second", text => text);
        AssertRefused(result, "gw1");
        AssertGoesOn(run);
    }

    [ClusterFact]
    public void A_cluster_key_that_the_others_do_not_have()
    {
        using ClusterRun run = lab.Begin();
        lab.Nodes.WriteForeignKey("foreign.key");
        CliResult result = Run("stranger", text => Replaced(Replaced(text, "node: gw1", "node: gw3"), "cluster_key_file: cluster.key", "cluster_key_file: foreign.key"));
        AssertRefused(result, "cluster key");
        AssertGoesOn(run);
    }

    [ClusterFact]
    public void A_schema_that_a_newer_program_made()
    {
        using ClusterRun run = lab.Begin();
        const string database = "newer";
        lab.Database.Sql("postgres", $"CREATE DATABASE {database}");
        string Elsewhere(string text) => Replaced(Replaced(text, $"Database={lab.Nodes.Database}", $"Database={database}"), "node: gw1", "node: gw3");
        // Whoever comes first makes the tables.
        File.WriteAllText(lab.Nodes.PathOf("first.yaml"), Elsewhere(File.ReadAllText(lab.Nodes.PathOf("gw1.yaml"))));
        CliResult first = NodeCli.Run("clients", "list", "--config", lab.Nodes.PathOf("first.yaml"));
        Assert.True(first.ExitCode == 0, first.Error);
        lab.Database.Sql(database, "UPDATE jumping_vpn.jv_store SET schema_version = schema_version + 1");
        string version = lab.Database.Sql(database, "SELECT schema_version FROM jumping_vpn.jv_store");
        CliResult result = Run("newer", Elsewhere);

        AssertRefused(result, "version");
        Assert.Equal(version, lab.Database.Sql(database, "SELECT schema_version FROM jumping_vpn.jv_store"));
        Assert.Equal("0", lab.Database.Sql(database, "SELECT count(*) FROM jumping_vpn.jv_nodes"));
    }

    /// <summary>Starts a node with the first node's configuration, changed, where none of its devices is in the way.</summary>
    private CliResult Run(string name, Func<string, string> change)
    {
        string text = Replaced(change(File.ReadAllText(lab.Nodes.PathOf("gw1.yaml"))), "control: gw1.sock", $"control: {name}.sock");
        string file = lab.Nodes.PathOf($"{name}.yaml");
        File.WriteAllText(file, text + $"audit: {{ directory: {name}.audit }}\n");
        return NodeCli.RunIn(lab.Topology.Server, "run", "--config", file);
    }

    private static string Replaced(string text, string part, string by)
    {
        Assert.Contains(part, text, StringComparison.Ordinal);
        return text.Replace(part, by, StringComparison.Ordinal);
    }

    private static void AssertRefused(CliResult result, string word)
    {
        Assert.Equal(1, result.ExitCode);
        string line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(word, line, StringComparison.Ordinal);
    }

    private void AssertGoesOn(ClusterRun run)
    {
        run.Stream();
        run.Finish(LabClock.Now);
        run.AssertTurns(run.Owner);
    }
}
