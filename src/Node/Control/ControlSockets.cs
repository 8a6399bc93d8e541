using System.Diagnostics.CodeAnalysis;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Control;

/// <summary>Finds the socket that an operator means.</summary>
public static class ControlSockets
{
    /// <summary>
    /// The given socket; or else the only one on which a node listens in <paramref name="directory"/>. False with the reason,
    /// naming them, if there is none or there are several.
    /// </summary>
    public static bool TryFind(string? given, [NotNullWhen(true)] out string? path, [NotNullWhen(false)] out string? problem, string directory = CommonReader.ControlDirectory)
    {
        path = given;
        problem = null;
        if (path is not null) return true;
        string[] live;
        try
        {
            live = Directory.Exists(directory) ? [.. Directory.GetFiles(directory, "*.sock").Order(StringComparer.Ordinal).Where(IsLive)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = FileProblem.Of(directory, e);
            return false;
        }
        if (live.Length == 1)
        {
            path = live[0];
            return true;
        }
        problem = live.Length == 0
            ? $"no node has a control socket in {directory}; name one with --control SOCKET"
            : $"several nodes run here; name one with --control: {string.Join(", ", live)}";
        return false;
    }

    private static bool IsLive(string path) => UnixSocketFile.KindOf(path) == UnixSocketFileKind.Socket && ControlSocket.Listening(path) is not null;
}
