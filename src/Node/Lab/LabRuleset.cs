using System.Globalization;
using System.Text.RegularExpressions;

namespace JumpingVpn.Node.Lab;

/// <summary>The routers' nft table: address translation, a firewall towards outside, and one chain that faults fill.</summary>
public static partial class LabRuleset
{
    private const string Masquerade = "oifname \"out\" meta l4proto { tcp, udp } masquerade to :{0}; oifname \"out\" masquerade";

    /// <summary>Answers to outside are dropped silently, as most address translators do: no ICMP gives a rebinding away.</summary>
    public static string Initial { get; } = $$"""
        table inet lab {
            counter fault { }
            chain fault { }
            chain forward {
                type filter hook forward priority filter; policy accept;
                jump fault
                iifname "out" ct state new drop
            }
            chain input {
                type filter hook input priority filter; policy accept;
                iifname "out" ct state new drop
            }
            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                {{MasqueradeTo(LabNetwork.FirstPorts)}}
            }
        }
        """;

    /// <summary>Puts one rule (it may end in `drop`) into the fault chain and counts from zero.</summary>
    public static string SetFault(string match, string verdict) => SetFault([match], verdict);

    /// <summary>The same with several rules, which count together.</summary>
    public static string SetFault(IEnumerable<string> matches, string verdict) => $"""
        reset counter inet lab fault
        flush chain inet lab fault
        {string.Join('\n', matches.Select(match => $"add rule inet lab fault {match} counter name fault {verdict}"))}
        """;

    public static string ClearFault => "flush chain inet lab fault";

    public static string Rebind(string ports) => $$"""
        flush chain inet lab postrouting
        table inet lab {
            chain postrouting {
                {{MasqueradeTo(ports)}}
            }
        }
        """;

    /// <summary>Packets that the fault's rule has matched since it was set.</summary>
    public static long FaultPackets(LabNamespace router)
    {
        string text = router.Execute("nft", ["list", "counter", "inet", "lab", "fault"]);
        return long.Parse(PacketCount().Match(text).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static string MasqueradeTo(string ports) => Masquerade.Replace("{0}", ports, StringComparison.Ordinal);

    [GeneratedRegex(@"packets (\d+)")]
    private static partial Regex PacketCount();
}
