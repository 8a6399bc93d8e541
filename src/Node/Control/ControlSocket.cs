using System.Globalization;
using System.Net.Sockets;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Node.Configuration;

namespace JumpingVpn.Node.Control;

/// <summary>
/// The listening socket's file. It is bound under another name, given its mode and group, made to listen and only then
/// renamed: at no moment can somebody connect who must not, and a dead node's socket is replaced in one step.
/// </summary>
internal sealed class ControlSocket : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerAndGroup = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    private const int Backlog = 16;

    private readonly string path;

    private ControlSocket(string path, Socket listener)
    {
        this.path = path;
        Listener = listener;
    }

    public Socket Listener { get; }

    /// <exception cref="LinuxException">The directory or the socket cannot be made, or somebody listens there.</exception>
    public static ControlSocket Listen(ControlConfiguration configuration)
    {
        string path = configuration.Socket;
        string directory = Path.GetDirectoryName(path) ?? "/";
        string unnamed = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $".c{Environment.ProcessId}"));
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (directory == CommonReader.ControlDirectory) Directory.CreateDirectory(directory);
            RefuseForeign(path);
            File.Delete(unnamed);
            listener.Bind(new UnixDomainSocketEndPoint(unnamed));
            File.SetUnixFileMode(unnamed, OwnerOnly);
            if (configuration.Group is { } group)
            {
                UnixSocketFile.SetGroup(unnamed, group);
                File.SetUnixFileMode(unnamed, OwnerAndGroup);
            }
            listener.Listen(Backlog);
            File.Move(unnamed, path, overwrite: true);
            return new(path, listener);
        }
        catch (Exception e)
        {
            listener.Dispose();
            try { File.Delete(unnamed); }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException)
            {
                // The first problem is the one to report.
            }
            if (e is SocketException socketError) throw LinuxException.Refused($"control: {path}: {socketError.Message}");
            if (e is IOException or UnauthorizedAccessException or ArgumentException) throw LinuxException.Refused("control: " + FileProblem.Of(path, e));
            throw;
        }
    }

    /// <summary>The process that listens on <paramref name="path"/>; null if nobody does, 0 if it cannot be told who.</summary>
    public static int? Listening(string path)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return UnixSocketFile.PeerProcess(probe);
        }
        catch (SocketException e)
        {
            // Refused: a dead node's. Not available (ENOENT): removed meanwhile.
            return e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.AddressNotAvailable ? null : 0;
        }
    }

    public void Dispose()
    {
        try { File.Delete(path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The directory is gone or read-only by now; a socket that nobody listens on is replaced at the next start.
        }
        Listener.Dispose();
    }

    private static void RefuseForeign(string path)
    {
        switch (UnixSocketFile.KindOf(path))
        {
            case UnixSocketFileKind.Other:
                throw LinuxException.Refused($"control: {path}: something that is no socket lies here; remove it or name another path");
            case UnixSocketFileKind.Socket when Listening(path) is int process:
                string who = process > 0 ? "process " + process.ToString(CultureInfo.InvariantCulture) : "another process";
                throw LinuxException.Refused($"control: {path}: {who} listens here; give each node a control socket of its own");
            default:
                return;
        }
    }
}
