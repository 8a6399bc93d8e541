namespace JumpingVpn.EndToEnd.Tests;

/// <summary>Addresses inside the lab's tunnels.</summary>
internal static class NodeAddresses
{
    public const string Gateway4 = "10.77.0.1";
    public const string Gateway6 = "fd77::1";
}
