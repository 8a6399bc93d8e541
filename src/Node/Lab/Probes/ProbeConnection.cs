using System.Net;
using System.Net.Sockets;

namespace JumpingVpn.Node.Lab.Probes;

/// <summary>Makes a TCP connection from the client's host to the gateway's.</summary>
internal static class ProbeConnection
{
    private const int AttemptMilliseconds = 1000;

    /// <summary>Both ends; throws <see cref="LabException"/> when no connection is made within the limit.</summary>
    public static (Socket Client, Socket Gateway) Open(ProbeOptions options, int port, TimeSpan limit)
    {
        IPEndPoint local = new(options.GatewayAddress, port);
        using Socket listener = options.Gateway.Run(() => Listen(local));
        long deadline = LabClock.Now + ProbeStreams.Nanoseconds(limit);
        string reason = "no answer";
        while (LabClock.Now < deadline)
        {
            Socket client = options.Client.Run(() => new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
            try
            {
                if (TryConnect(client, local, ref reason) && LabNative.WaitReadable(listener.SafeHandle, AttemptMilliseconds))
                    return (client, AcceptLast(listener));
                client.Dispose();
            }
            catch (SocketException exception)
            {
                client.Dispose();
                reason = exception.Message;
            }

            Thread.Sleep(10);
        }

        throw new LabException($"the tunnel carries no TCP connection to {local} after {limit.TotalSeconds:0.#} s: {reason}");
    }

    /// <summary>A SYN that meets a tunnel before it is up is repeated after a second by the kernel: a new attempt is faster.</summary>
    private static bool TryConnect(Socket client, IPEndPoint remote, ref string reason)
    {
        client.Blocking = false;
        try
        {
            client.Connect(remote);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            if (!LabNative.WaitWritable(client.SafeHandle, 200)) return false;
            int error = (int)client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (error != 0)
            {
                reason = new SocketException(error).Message;
                return false;
            }
        }

        return true;
    }

    /// <summary>An earlier attempt that was given up may have reached the listener late: the newest connection is the live one.</summary>
    private static Socket AcceptLast(Socket listener)
    {
        Socket accepted = listener.Accept();
        while (LabNative.WaitReadable(listener.SafeHandle, 20))
        {
            accepted.Dispose();
            accepted = listener.Accept();
        }

        return accepted;
    }

    private static Socket Listen(IPEndPoint local)
    {
        var socket = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(local);
        socket.Listen(8);
        return socket;
    }
}
