using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Infrastructure.Crypto.Packet;

namespace JumpingVpn.Infrastructure.DataPlane;

// Epochs: installed, bound, replaced, forgotten.
public sealed partial class DataPlane
{
    /// <summary>Epochs that a session may have at a time, old and not yet bound ones together.</summary>
    public const int MaxEpochs = 16;

    /// <summary>Epochs of a session that still receive after they were replaced.</summary>
    public const int MaxOldEpochs = 2;

    /// <inheritdoc/>
    public void InstallEpoch(SessionId session, TrafficKeys keys, TransportAddress source, bool held)
    {
        using Lock.Scope command = Command();
        SessionEntry entry = Session(session);
        if (entry.Epochs.Count >= MaxEpochs) throw new InvalidOperationException($"session {session} has {MaxEpochs} epochs");
        if (_epochsByIndex.Find(keys.LocalIndex) is not null) throw new InvalidOperationException($"receiver index {keys.LocalIndex:x8} is taken");
        var epoch = new KeyEpoch(entry, keys, KeysOf(keys), new(source), held);
        entry.Epochs.Add(epoch);
        _epochsByIndex.Add(keys.LocalIndex, epoch);
    }

    /// <inheritdoc/>
    public ulong Bind(SessionId session, uint localIndex, TransportAddress transport, Instant oldUntil)
    {
        using Lock.Scope command = Command();
        SessionEntry entry = Session(session);
        KeyEpoch epoch = Find(entry, localIndex) ?? throw new InvalidOperationException($"session {session} has no epoch {localIndex:x8}");
        if (entry.OldEpochs.Contains(epoch)) throw new InvalidOperationException($"epoch {localIndex:x8} was replaced");
        KeyEpoch? old = entry.Binding?.Epoch;
        if (ReferenceEquals(old, epoch)) old = null;

        // The new epoch is there before the old one closes, so that the sending thread always finds one that is open.
        var source = new PacketSource(transport);
        epoch.Source = source;
        entry.Binding = new(epoch, _sockets.GetValueOrDefault(transport.Socket), source);
        ulong end = 0;
        if (old is not null)
        {
            end = old.CloseSending();
            old.Until = oldUntil.Ticks;
            entry.OldEpochs.Add(old);
            _oldEpochs.Add(old);
            if (entry.OldEpochs.Count > MaxOldEpochs) Unlist(entry, entry.OldEpochs[0]);
        }
        bool wasHeld = epoch.Held;
        epoch.Held = false;
        AwaitPacketThreads();
        if (wasHeld) _receive.Release(epoch);
        old?.PacketKeys.FreeSending();
        FreeUnlisted();
        if (old is not null) ScheduleExpiry(oldUntil);
        return end;
    }

    /// <inheritdoc/>
    public void LimitEpoch(SessionId session, uint localIndex, ulong endCounter)
    {
        using Lock.Scope command = Command();
        if (_sessions.TryGetValue(session, out SessionEntry? entry) && Find(entry, localIndex) is { } epoch) epoch.End = endCounter;
    }

    /// <inheritdoc/>
    public void RemoveEpoch(SessionId session, uint localIndex)
    {
        using Lock.Scope command = Command();
        if (!_sessions.TryGetValue(session, out SessionEntry? entry) || Find(entry, localIndex) is not { } epoch) return;
        if (epoch.IsCurrent) throw new InvalidOperationException($"epoch {localIndex:x8} is bound");
        Unlist(entry, epoch);
        AwaitPacketThreads();
        FreeUnlisted();
    }

    /// <inheritdoc/>
    public void Unbind(SessionId session)
    {
        using Lock.Scope command = Command();
        if (_sessions.TryGetValue(session, out SessionEntry? entry)) ForgetAllEpochs(entry);
    }

    /// <inheritdoc/>
    public unsafe bool SendControl(SessionId session, ReadOnlySpan<byte> frame)
    {
        using Lock.Scope command = Command();
        if (frame.Length > PacketHeader.MaxControlFrame || (frame.Length > 0 && frame[0] >> 4 != 0))
            throw new ArgumentException($"a control frame has at most {PacketHeader.MaxControlFrame} bytes and begins with a zero nibble", nameof(frame));
        if (!_sessions.TryGetValue(session, out SessionEntry? entry) || entry.Binding is not { } binding) return false;
        if (_deadline.IsOver() || !binding.Epoch.TryReserve(1, out ulong counter)) return false;
        byte* datagram = _controlBuffer.Start;
        PacketHeader.Write(datagram, 0, binding.Epoch.RemoteIndex, counter);
        fixed (byte* bytes = frame)
        {
            // An empty span has no address, and the AEAD is given one.
            binding.Epoch.PacketKeys.SealControl(datagram, bytes == null ? datagram : bytes, frame.Length);
        }
        Instant now = _options.Clock();
        int size = frame.Length + PacketHeader.Overhead;
        if (_controlSender.Send(binding, datagram, size, size, 1, now, mayFragment: false)) entry.ControlSent = now.Ticks;
        return true;
    }

    /// <summary>Forgets replaced epochs whose time is over. Runs by itself; here for clocks that a test moves.</summary>
    internal void ForgetExpiredEpochs()
    {
        lock (_commands)
        {
            if (_disposed) return;
            long now = _options.Clock().Ticks;
            _nextExpiry = Instant.Never;
            foreach (KeyEpoch epoch in _oldEpochs.ToArray())
            {
                if (epoch.Until <= now) Unlist(epoch.Session, epoch);
                else ScheduleExpiry(new(epoch.Until));
            }
            if (_unlisted.Count == 0) return;
            AwaitPacketThreads();
            FreeUnlisted();
        }
    }

    // Taken out of the table, and freed once the packet threads have let go.
    private readonly List<KeyEpoch> _unlisted = [];

    // Replaced epochs of all sessions.
    private readonly HashSet<KeyEpoch> _oldEpochs = [];
    private Instant _nextExpiry = Instant.Never;

    private static KeyEpoch? Find(SessionEntry session, uint localIndex) => session.Epochs.Find(epoch => epoch.Keys.LocalIndex == localIndex);

    private PacketKeys KeysOf(TrafficKeys keys) => new(_options.Ciphers, keys.Suite, _options.Secrets.Read(keys.Send), _options.Secrets.Read(keys.Receive));

    private void ForgetAllEpochs(SessionEntry session)
    {
        session.Binding = null;
        for (int i = session.Epochs.Count - 1; i >= 0; i--) Unlist(session, session.Epochs[i]);
        AwaitPacketThreads();
        FreeUnlisted();
    }

    private void Unlist(SessionEntry session, KeyEpoch epoch)
    {
        epoch.CloseSending();
        _epochsByIndex.Remove(epoch.Keys.LocalIndex, epoch);
        session.Epochs.Remove(epoch);
        session.OldEpochs.Remove(epoch);
        _oldEpochs.Remove(epoch);
        epoch.MarkRemoved();
        _unlisted.Add(epoch);
    }

    private void FreeUnlisted()
    {
        foreach (KeyEpoch epoch in _unlisted)
        {
            epoch.PacketKeys.Free();
            _controlDrops.Add(DropReason.HeldDropped, epoch.Queue.Clear(epoch.Session, _held));
        }
        _unlisted.Clear();
    }

    private void ScheduleExpiry(Instant at)
    {
        if (at >= _nextExpiry) return;
        _nextExpiry = at;
        TimeSpan left = at - _options.Clock();
        // A little later, so that one sweep does for many; what is over is refused at once all the same.
        _expiry.Change(left < TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromTicks(Math.Min(left.Ticks, MaxTimer.Ticks)) + ExpirySlack, Timeout.InfiniteTimeSpan);
    }

    private static readonly TimeSpan ExpirySlack = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MaxTimer = TimeSpan.FromDays(1);
}
