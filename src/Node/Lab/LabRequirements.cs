namespace JumpingVpn.Node.Lab;

/// <summary>What the lab needs of its host.</summary>
public static class LabRequirements
{
    /// <summary>One line that says what is missing, or null.</summary>
    public static string? Missing()
    {
        if (!LabNative.IsRoot) return "the lab needs root: it makes network namespaces and TUN devices";
        foreach ((string tool, string package) in (ReadOnlySpan<(string, string)>)[("ip", "iproute2"), ("nft", "nftables")])
            if (!LabCommand.Exists(tool))
                return $"the lab needs `{tool}` (package {package})";
        return File.Exists("/dev/net/tun") ? null : "the lab needs /dev/net/tun";
    }

    /// <summary>Throws <see cref="LabException"/> with <see cref="Missing"/>'s line.</summary>
    public static void Check()
    {
        if (Missing() is { } line) throw new LabException(line);
    }
}
