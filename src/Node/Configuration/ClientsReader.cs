using System.Collections.Immutable;
using System.Globalization;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads a gateway's clients and sees that no two of them share a name, a key or an address.</summary>
internal sealed class ClientsReader(Section section, CommonReader common, ImmutableArray<IpPrefix> networks)
{
    /// <inheritdoc cref="RegistryRules.MaxClients"/>
    public const int MaxClients = RegistryRules.MaxClients;

    private readonly Dictionary<string, int> linesOfNames = new(StringComparer.Ordinal);
    private readonly Dictionary<PublicKey, int> linesOfKeys = [];
    private readonly List<(IpPrefix Prefix, string Client, Section Section, int Line, string Key)> addresses = [];

    public ImmutableArray<ClientEntry> Read()
    {
        section.Require("clients", "a list of { name, public_key, addresses }");
        var clients = ImmutableArray.CreateBuilder<ClientEntry>();
        ImmutableArray<ConfigNode> items = section.List("clients");
        if (items.Length > MaxClients) section.Fail(section.LineOf("clients"), "clients", $"more than {MaxClients} clients");
        for (int i = 0; i < Math.Min(items.Length, MaxClients); i++)
        {
            if (items[i] is ConfigNode.Mapping mapping)
            {
                if (ReadClient(section.Item("clients", i, mapping)) is { } client) clients.Add(client);
            }
            else section.Fail(items[i].Line, $"clients[{i.ToString(CultureInfo.InvariantCulture)}]", "must be a mapping: { name, public_key, addresses }");
        }
        FindOverlaps();
        return clients.ToImmutable();
    }

    private ClientEntry? ReadClient(Section entry)
    {
        entry.Require("name", "a word by which status and logs call the client");
        string name = entry.Scalar("name")?.Text ?? "";
        if (name.Length > 0)
        {
            if (Names.WrongWithName(name) is string problem) entry.Fail(entry.LineOf("name"), "name", problem);
            else if (!linesOfNames.TryAdd(name, entry.LineOf("name")))
                entry.Fail(entry.LineOf("name"), "name", $"{name} is taken by the client on line {linesOfNames[name].ToString(CultureInfo.InvariantCulture)}");
        }
        PublicKey key = common.ReadPublicKey(entry, "public_key");
        if (key != default && !linesOfKeys.TryAdd(key, entry.LineOf("public_key")))
        {
            entry.Fail(entry.LineOf("public_key"), "public_key",
                $"the client on line {linesOfKeys[key].ToString(CultureInfo.InvariantCulture)} has the same key; each client needs its own");
        }
        ImmutableArray<IpPrefix> own = ReadAddresses(entry, name);
        string? preshared = common.ReadPresharedKeyFile(entry);
        entry.Done(new Dictionary<string, string> { ["preshared_key"] = "keys do not stand in the configuration; write preshared_key_file: FILE" });
        return name.Length > 0 && key != default ? new(name, key, own, preshared) : null;
    }

    private ImmutableArray<IpPrefix> ReadAddresses(Section entry, string client)
    {
        entry.Require("addresses", "the client's addresses inside the tunnel, such as [10.77.0.2/32]");
        var own = ImmutableArray.CreateBuilder<IpPrefix>();
        foreach ((ConfigNode.Scalar scalar, string key) in entry.Scalars("addresses"))
        {
            if (AddressReading.Network(scalar.Text, out IpPrefix prefix) is string problem) entry.Fail(scalar.Line, key, problem);
            else if (own.Count == ProtocolConstants.MaxTunnelAddresses) entry.Fail(scalar.Line, key, $"more than {ProtocolConstants.MaxTunnelAddresses} addresses");
            else
            {
                own.Add(prefix);
                // Without networks the tunnel is wrong already; one error is enough.
                if (!networks.IsEmpty && ClientRules.WrongInTunnel(prefix, networks) is string outside) entry.Fail(scalar.Line, key, outside);
                else addresses.Add((prefix, client, entry, scalar.Line, key));
            }
        }
        if (entry.IsEmptyList("addresses")) entry.Fail(entry.LineOf("addresses"), "addresses", "names no address");
        return own.ToImmutable();
    }

    // Sorted by address, a prefix can only overlap with one that began before it and has not ended yet.
    private void FindOverlaps()
    {
        addresses.Sort((a, b) => a.Prefix.Address != b.Prefix.Address ? a.Prefix.Address.CompareTo(b.Prefix.Address) : a.Prefix.Length.CompareTo(b.Prefix.Length));
        for (int i = 1, widest = 0; i < addresses.Count; i++)
        {
            var (prefix, client, entry, line, key) = addresses[i];
            var other = addresses[widest];
            if (other.Prefix.Overlaps(prefix))
            {
                // The later line is the one to look at.
                bool later = line >= other.Line;
                string taken = string.Create(CultureInfo.InvariantCulture,
                    $"{(later ? prefix : other.Prefix)} overlaps {(later ? other.Prefix : prefix)} of client {(later ? other.Client : client)} on line {(later ? other.Line : line)}");
                if (later) entry.Fail(line, key, taken);
                else other.Section.Fail(other.Line, other.Key, taken);
            }
            else widest = i;
        }
    }
}
