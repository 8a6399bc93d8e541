using System.Globalization;

namespace JumpingVpn.Node.Lab;

/// <summary>The lab's addresses. Documentation prefixes (RFC 5737, RFC 3849) outside, private ones (RFC 1918) behind the routers.</summary>
public static class LabNetwork
{
    public const string Gateway4 = "192.0.2.1";
    public const string Gateway6 = "2001:db8:ff::1";

    /// <summary>The device of a cluster's nodes towards the server behind them.</summary>
    public const string LanDevice = "lan0";

    /// <summary>The network behind a cluster's nodes, and the server in it.</summary>
    public const string Lan4 = "10.88.0.0/24";
    public const string Server4 = "10.88.0.10";

    /// <summary>The ports that a router translates to before and after a rebinding.</summary>
    public const string FirstPorts = "30000-34999";
    public const string SecondPorts = "40000-44999";

    /// <summary>Outside address of a cluster's node 1 or 2; node 1 is the gateway of a lab without a cluster.</summary>
    public static string Node4(int node) => Invariant($"192.0.2.{node}");

    /// <summary>Address of a cluster's node in the network behind it.</summary>
    public static string LanNode4(int node) => Invariant($"10.88.0.{node}");

    /// <summary>External address of router 1 or 2 before a rebinding.</summary>
    public static string RouterOutside4(int router) => Invariant($"192.0.2.1{router}");

    public static string RouterOutside6(int router) => Invariant($"2001:db8:ff::1{router}");

    /// <summary>External address of router 1 or 2 after a rebinding.</summary>
    public static string RouterRebound4(int router) => Invariant($"192.0.2.2{router}");

    public static string RouterRebound6(int router) => Invariant($"2001:db8:ff::2{router}");

    /// <summary>The address of host <paramref name="host"/> in the network between a router and a client (counted from 0).</summary>
    public static string Inside4(int router, int client, int host) => Invariant($"10.{router}.{client}.{host}");

    public static string Inside6(int router, int client, int host) => Invariant($"2001:db8:{router}:{client}::{host}");

    /// <summary>The router's device towards the client: `in`, and `in1` for a second client.</summary>
    public static string InsideDevice(int client) => client == 0 ? "in" : Invariant($"in{client}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
