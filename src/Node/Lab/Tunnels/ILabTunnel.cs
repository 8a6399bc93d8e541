using System.Net;

namespace JumpingVpn.Node.Lab.Tunnels;

/// <summary>
/// A tunnel between the lab's client and gateway, so that one measurement serves this program and what it is compared with.
/// </summary>
public interface ILabTunnel : IDisposable
{
    string Name { get; }

    IPAddress GatewayAddress { get; }

    /// <summary>The gateway's process; null where there is none.</summary>
    int? GatewayProcessId { get; }

    /// <summary>The processes of both ends, client first: for measurements of their CPU time and memory.</summary>
    IReadOnlyList<int> ProcessIds { get; }

    /// <summary>Starts both ends and returns when they are ready to carry traffic, or throws <see cref="LabException"/>.</summary>
    void Start();

    /// <summary>Kills the gateway's process with SIGKILL and starts it again at once.</summary>
    void RestartGateway();

    /// <summary>The client's session; null where there is no such thing.</summary>
    LabSession? ReadSession();

    /// <summary>What the processes have said, for a failure's report.</summary>
    string Logs();
}
