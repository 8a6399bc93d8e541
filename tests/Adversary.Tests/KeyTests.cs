using System.Globalization;
using JumpingVpn.Adversary.Codec;
using JumpingVpn.EndToEnd.Tests;
using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Adversary.Tests;

/// <summary>What keys are worth once their time is over (REQ-KEYS-2).</summary>
public sealed class KeyTests
{
    /// <summary>An epoch receives for three seconds after the next one is bound.</summary>
    private const double EpochIsOver = 5;

    [PrivilegedFact]
    public void What_was_recorded_under_an_ended_epoch_opens_with_nothing_that_the_gateway_still_has()
    {
        using Attack attack = Attack.Begin();
        using HostileClient client = attack.Lab.Hostile();
        Assert.True(client.Connect(), attack.Lab.Nodes.Logs());
        EpochKeys first = client.Epoch;
        Assert.Equal(4, CountInMemory(attack, [first.ClientData, first.GatewayData, client.Keys.Root, client.Keys.Proof]));
        Assert.True(client.Reattach(4).IsBound || client.Reattach().IsBound, attack.Lab.Nodes.Logs());
        Attack.Last(EpochIsOver);

        // What is in use is found, so what is not found is not there.
        Assert.Equal(4, CountInMemory(attack, [client.Epoch.ClientData, client.Epoch.GatewayData, client.Keys.Root, client.Keys.Proof]));
        Assert.Equal(0, CountInMemory(attack, [first.ClientData, first.GatewayData, first.Secret, first.Confirmation, first.GatewayControl]));
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(attack.Lab.Nodes.PathOf("events.db"))!, "events.db*").Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            byte[] bytes = File.ReadAllBytes(file);
            foreach (byte[] key in (byte[][])[first.ClientData, first.GatewayData, first.Secret, client.Epoch.ClientData, client.Keys.Root, client.Keys.Proof])
                Assert.Equal(-1, bytes.AsSpan().IndexOf(key));
        }

        attack.Survived();
    }

    [PrivilegedFact]
    public void A_new_cluster_key_before_the_old_one_keeps_every_session()
    {
        using Attack attack = Attack.Begin(new NodeTunnelOptions { State = true });
        string file = attack.Lab.Nodes.PathOf("cluster.key");
        string old = File.ReadAllText(file);
        Assert.True(attack.Lab.Nodes.Gateway.Stop(), attack.Lab.Nodes.Logs());
        File.WriteAllText(file, NodeKeys.Create().Private + "\n" + old);
        attack.Lab.Nodes.StartGateway();
        attack.Await("the session's return under the new key", () => attack.Lab.HonestSession() is { State: "Attached", Id: var id } && id == attack.Before.Id);
        attack.Survived();
    }

    /// <summary>How many of the keys stand somewhere in the gateway's memory.</summary>
    private static int CountInMemory(Attack attack, byte[][] keys)
    {
        int process = attack.Lab.Nodes.Gateway.ProcessId;
        var found = new bool[keys.Length];
        using FileStream memory = File.OpenRead($"/proc/{process}/mem");
        foreach (string line in File.ReadAllLines($"/proc/{process}/maps"))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // Libraries' own pages hold no keys, and some of the kernel's cannot be read.
            if (!fields[1].StartsWith("rw", StringComparison.Ordinal)) continue;
            string[] bounds = fields[0].Split('-');
            ulong start = ulong.Parse(bounds[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), end = ulong.Parse(bounds[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Search(memory, (long)start, (long)end, keys, found);
        }

        return found.Count(one => one);
    }

    private static void Search(FileStream memory, long start, long end, byte[][] keys, bool[] found)
    {
        byte[] buffer = new byte[4 << 20];
        for (long at = start; at < end; at += buffer.Length - 64)
        {
            int length;
            try
            {
                length = RandomAccess.Read(memory.SafeFileHandle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at)), at);
            }
            catch (IOException)
            {
                // Reserved and never touched.
                continue;
            }

            for (int i = 0; i < keys.Length; i++) found[i] |= buffer.AsSpan(0, length).IndexOf(keys[i]) >= 0;
        }
    }
}
