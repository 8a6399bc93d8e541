namespace JumpingVpn.Fuzz.Tests.Kernel;

/// <summary>Ends the process, naming the input, when one hangs: there is no other way out of an endless loop.</summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Timer _timer;
    private (string Target, ulong Number)? _current;
    private long _since;

    public Watchdog() => _timer = new(_ => Look(), null, Patience / 10, Patience / 10);

    public void Begin(string target, ulong number)
    {
        Volatile.Write(ref _since, Environment.TickCount64);
        _current = (target, number);
    }

    public void End() => _current = null;

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        if (_current is not { } current || Environment.TickCount64 - Volatile.Read(ref _since) < Patience.TotalMilliseconds) return;
        Environment.FailFast($"{current.Target} hangs; again by: ./test --fuzz-input {current.Target}:{current.Number}");
    }
}
