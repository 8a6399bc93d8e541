using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Node.Keys;
using JumpingVpn.Node.Lab.Tunnels;
using JumpingVpn.Node.Running;
using NodeConfiguration = JumpingVpn.Node.Configuration.NodeConfiguration;

namespace JumpingVpn.Node.Lab.Incidents;

/// <summary>What `sessions export` and `auditkey` do, in this process, for nodes of the lab.</summary>
public static class LabExport
{
    /// <summary>From a node that runs. Null when it is written, otherwise why not.</summary>
    public static string? FromNode(LabNode node, SessionId session, Stream output)
    {
        if (!ControlClient.TryConnect(node.ControlPath, out ControlClient? control, out string? problem)) return problem;
        using (control)
        {
            ControlResponse response = control.Export(session, bytes => output.Write(bytes));
            return response.Ok ? null : response.Error ?? $"{node.Name} refused";
        }
    }

    /// <summary>From the files that a configuration names: its node does not run, or shares its database. Null when it is written, otherwise why not.</summary>
    public static string? FromFiles(string configuration, SessionId session, Stream output) =>
        SessionExport.FromFilesAsync(Load(configuration), session, output).GetAwaiter().GetResult();

    /// <summary>A node's public audit key and its name, as a line of a file of trusted keys; null if it never made one.</summary>
    public static string? KeyLine(string configuration)
    {
        NodeConfiguration node = Load(configuration);
        if (AuditKeyFile.TryLoad(node.Audit.Directory, out AuditSigner? signer) is not null) return null;
        using (signer) return $"{signer!.Key} {node.Node}";
    }

    /// <summary>Throws <see cref="LabException"/> with the first error.</summary>
    internal static NodeConfiguration Load(string file) =>
        ConfigurationFile.TryLoad(file, out NodeConfiguration? configuration, out IReadOnlyList<ConfigurationError> errors)
            ? configuration
            : throw new LabException(errors[0].ToString());
}
