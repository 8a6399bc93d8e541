using System.Net;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Tests.Linux;

/// <summary>Short spellings of addresses.</summary>
internal static class Addresses
{
    public static Endpoint At(string address, int port = 0) => Endpoint.From(IPAddress.Parse(address), port);

    public static UInt128 Address(string address) => At(address).Address;

    public static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);
}
