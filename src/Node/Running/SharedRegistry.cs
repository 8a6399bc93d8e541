using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Infrastructure.EventStore;
using LanguageExt;

namespace JumpingVpn.Node.Running;

/// <summary>The registry of clients that lies in the shared store: read again whenever its revision has moved.</summary>
/// <param name="changed">Takes the registry of now, on any thread.</param>
internal sealed class SharedRegistry(IClusterStore store, long revision, Action<ClientRegistry> changed, Action<string> warn)
{
    private readonly Lock _gate = new();
    private long _revision = revision;
    private bool _reading;
    private bool _again;
    private string? _failure;

    public static ClientRegistry Of(StoredRegistry stored) =>
        ClientRegistry.From(stored.Clients.Select(client => new RegisteredClient(client.Name, client.Key, client.Addresses, SecretHandle.None)));

    /// <summary>A renewal has shown this revision.</summary>
    public void Seen(long current)
    {
        lock (_gate)
        {
            if (current == _revision) return;
        }
        Read();
    }

    /// <summary>Somebody has said that it changed. One read at a time: what changes during one is read after it.</summary>
    public void Read()
    {
        lock (_gate)
        {
            _again = _reading;
            if (_reading) return;
            _reading = true;
        }
        _ = Task.Run(ReadAsync);
    }

    private async Task ReadAsync()
    {
        bool again = true;
        while (again)
        {
            try
            {
                Either<string, StoredRegistry> read = await store.LoadRegistryAsync().ConfigureAwait(false);
                read.Match(Right: Take, Left: Complain);
            }
#pragma warning disable CA1031 // Whatever it is: clients that were removed are cut off by a later read, so there must be one.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                Complain(fault.Message);
            }
            lock (_gate)
            {
                again = _again;
                _again = false;
                _reading = again;
            }
        }
    }

    private void Take(StoredRegistry stored)
    {
        bool isNew;
        lock (_gate)
        {
            isNew = stored.Revision != _revision;
            _revision = stored.Revision;
            _failure = null;
        }
        if (isNew) changed(Of(stored));
    }

    /// <summary>The next renewal shows the same revision, and it is tried again.</summary>
    private void Complain(string problem)
    {
        bool isNew;
        lock (_gate) (isNew, _failure) = (_failure != problem, problem);
        if (isNew) warn($"the registry of clients cannot be read: {problem}");
    }
}
