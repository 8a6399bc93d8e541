namespace JumpingVpn.Node.Lab;

/// <summary>What a topology has beside its fixed parts.</summary>
/// <param name="Clients">Client hosts, 1 or 2, each behind both routers.</param>
/// <param name="IPv6">Outside addresses and routes of IPv6 too.</param>
/// <param name="Cluster">A second gateway host, and a server behind both.</param>
public sealed record LabOptions(int Clients = 1, bool IPv6 = false, bool Cluster = false);
