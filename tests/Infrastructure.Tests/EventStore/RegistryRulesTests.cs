using System.Globalization;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.EventStore;

namespace JumpingVpn.Infrastructure.Tests.EventStore;

public sealed class RegistryRulesTests
{
    [Fact]
    public void REQ_EXHAUST_1_there_is_room_for_20000_clients_and_for_no_other()
    {
        RegistryEntry[] clients = [.. Enumerable.Range(1, RegistryRules.MaxClients + 1).Select(Client)];
        Assert.Null(RegistryRules.WrongWith(clients[^1], clients[..^2]));
        Assert.Equal("there are 20000 clients already", RegistryRules.WrongWith(clients[^1], clients[..^1]));
    }

    private static RegistryEntry Client(int number)
    {
        byte[] key = new byte[32];
        BitConverter.TryWriteBytes(key, number);
        _ = IpPrefix.TryParse(string.Create(CultureInfo.InvariantCulture, $"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32"), out IpPrefix address);
        Assert.True(AddressSet.TryCreate([address], out AddressSet addresses));
        return new($"client-{number}", PublicKey.Read(key), addresses);
    }
}
