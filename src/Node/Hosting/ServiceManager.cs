using System.Net.Sockets;
using System.Text;

namespace JumpingVpn.Node.Hosting;

/// <summary>Tells systemd how far the node is (sd_notify(3)); without systemd it does nothing.</summary>
internal static class ServiceManager
{
    public static void Notify(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path) return;
        try
        {
            // A leading @ stands for the abstract namespace, whose names begin with a zero.
            string name = path[0] == '@' ? '\0' + path[1..] : path;
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(name));
            socket.Send(Encoding.UTF8.GetBytes(state));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // The manager is gone or the name is wrong; the node serves all the same.
        }
    }
}
