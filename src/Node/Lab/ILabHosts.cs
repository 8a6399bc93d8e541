namespace JumpingVpn.Node.Lab;

/// <summary>The hosts that a tunnel runs between. The gateway's outside addresses are those of <see cref="LabNetwork"/>.</summary>
public interface ILabHosts
{
    LabNamespace Gateway { get; }

    /// <summary>For keys, configurations, stores and logs; only root reads it, and it is removed with the hosts.</summary>
    string WorkDirectory { get; }

    /// <summary>The devices by which a client reaches the gateway, best first.</summary>
    IReadOnlyList<string> Uplinks { get; }

    /// <summary>The client host number <paramref name="client"/>, counted from 0.</summary>
    LabNamespace ClientAt(int client);
}
