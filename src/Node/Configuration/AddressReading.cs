using System.Globalization;
using System.Net;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads addresses, prefixes and endpoints; each method gives what is wrong, or null.</summary>
public static class AddressReading
{
    /// <summary>`192.0.2.1:51830` or `[2001:db8::1]:51830`; the unspecified addresses are allowed.</summary>
    public static string? Endpoint(string text, out Endpoint endpoint)
    {
        if (Domain.Primitives.Endpoint.TryParse(text, out endpoint) && IsStrict(text)) return null;
        return $"{Printable.Quoted(text)} is no address and port; write 192.0.2.1:51830 or [2001:db8::1]:51830";
    }

    /// <summary>As <see cref="Endpoint"/>, or a host name and a port.</summary>
    public static string? GatewayEndpoint(string text, out GatewayEndpoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(text);
        endpoint = default;
        if (Endpoint(text, out Endpoint address) is null)
        {
            endpoint = new(address.ToIPAddress().ToString(), address.Port, address);
            return address.IsUnspecified ? $"{text} is no address that can be reached" : null;
        }
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? text : text[..colon];
        if (colon < 0 && (IPAddress.TryParse(text, out _) || Names.IsHostName(text))) return $"{Printable.Quoted(text)} has no port; write {text}:51830";
        if (colon > 0 && host.Contains(':')) return $"{Printable.Quoted(text)}: write an IPv6 address and its port as [2001:db8::1]:51830";
        if (colon < 0 || !Names.IsHostName(host)) return $"{Printable.Quoted(text)} is neither address:port nor host-name:port";
        if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
            return $"{Printable.Quoted(text)}: a port is a number from 1 to 65535";
        endpoint = new(host, port, null);
        return null;
    }

    /// <summary>An address with its network's length, as a device has it: 10.77.0.1/24.</summary>
    public static string? InterfaceAddress(string text, out IpPrefix prefix)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Prefix(text, out prefix) is string problem) return problem;
        return text.Contains('/') ? null : $"{text} has no prefix length; write {text}/{(prefix.IsIPv4 ? 24 : 64)} or what your network is";
    }

    /// <summary>A network, or a single address: host bits must be zero.</summary>
    public static string? Network(string text, out IpPrefix prefix)
    {
        if (Prefix(text, out prefix) is string problem) return problem;
        if (prefix.Network == prefix) return null;
        byte whole = (byte)(prefix.IsIPv4 ? 32 : 128);
        return $"{text} has bits set after its prefix; did you mean {prefix with { Length = whole }} or {prefix.Network}?";
    }

    private static string? Prefix(string text, out IpPrefix prefix) =>
        IpPrefix.TryParse(text, out prefix) && IsStrict(text) ? null : $"{Printable.Quoted(text)} is no address with a prefix length, such as 10.77.0.2/32 or fd77::2/128";

    // The platform's parser takes 10.1 for 10.0.0.1 and 0x0a000001 for 10.0.0.1; people who write so have mistyped.
    private static bool IsStrict(string text)
    {
        if (text.Contains(':') && (text.StartsWith('[') || text.IndexOf(':') != text.LastIndexOf(':'))) return !text.Contains('%');
        string address = text.Split('/', ':')[0];
        string[] parts = address.Split('.');
        return parts.Length == 4 && parts.All(p => p.Length is > 0 and <= 3 && p.All(char.IsAsciiDigit) && (p.Length == 1 || p[0] != '0'));
    }
}
