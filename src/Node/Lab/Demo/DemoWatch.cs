using JumpingVpn.Node.Lab.Tunnels;

namespace JumpingVpn.Node.Lab.Demo;

/// <summary>Looks at the client's session again and again and tells each change of it.</summary>
internal sealed class DemoWatch : IDisposable
{
    private const int PollMilliseconds = 20;

    private readonly NodeTunnel tunnel;
    private readonly Action<LabSession?, LabSession> onChange;
    private readonly Thread thread;
    private volatile bool running = true;
    private LabSession? last;

    public DemoWatch(NodeTunnel tunnel, Action<LabSession?, LabSession> onChange)
    {
        this.tunnel = tunnel;
        this.onChange = onChange;
        last = tunnel.ReadSession();
        thread = new Thread(Loop) { IsBackground = true, Name = "session watch" };
        thread.Start();
    }

    /// <summary>The session as it was seen last.</summary>
    public LabSession? Session => Volatile.Read(ref last);

    public void Dispose()
    {
        running = false;
        thread.Join();
    }

    private void Loop()
    {
        while (running)
        {
            LabSession? now = tunnel.ReadSession();
            LabSession? before = last;
            if (now is not null && now != before)
            {
                Volatile.Write(ref last, now);
                if (before is null || now.Version != before.Version || now.State != before.State || now.Id != before.Id) onChange(before, now);
            }

            Thread.Sleep(PollMilliseconds);
        }
    }
}
