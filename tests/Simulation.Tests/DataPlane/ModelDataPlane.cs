using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Simulation.Tests.Network;

namespace JumpingVpn.Simulation.Tests.DataPlane;

/// <summary>What the model asks of its host.</summary>
internal interface IModelHost
{
    Instant Now { get; }

    /// <summary>False once the time until which the host may serve is over.</summary>
    bool Serves { get; }

    /// <summary>Sends a data packet; the key and counter that it was sealed with come along for whoever watches them.</summary>
    void SendData(SessionId session, TransportAddress transport, byte[] datagram, UInt128 key, ulong counter);

    void Deliver(SessionId session, byte[] inner, in Arrival arrival);

    void ControlDatagram(TransportAddress source, Datagram datagram);

    void ControlFrame(SessionId session, uint localIndex, byte[] frame);

    void UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source, int size);

    void TrafficResumed(SessionId session);

    void EpochHeard(SessionId session, uint localIndex);
}

/// <summary>
/// The data plane as its port describes it, without threads, devices and speed: a forwarding table that decides nothing. A command that
/// the port forbids throws, as the real one does.
/// </summary>
internal sealed class ModelDataPlane(ICryptography crypto, IModelHost host)
{
    private const int MaxEpochs = 16;
    private const int MaxOldEpochs = 2;
    private const int MaxHeldPackets = 64;
    private static readonly TokenRate UnboundAttempts = TokenRate.PerSecond(200, burst: 200);
    private static readonly TokenRate UnboundReports = TokenRate.PerSecond(50, burst: 50);

    private readonly SortedDictionary<SessionId, ModelSession> _sessions = [];
    private readonly SortedDictionary<uint, ModelEpoch> _epochs = [];

    /// <summary>The mutation "held packets are delivered before the commit".</summary>
    public bool IgnoresHeld { get; init; }

    /// <summary>The mutation "any authentic packet is delivered, wherever it comes from".</summary>
    public bool IgnoresSource { get; init; }

    /// <summary>The mutation "nobody looks until when the node may serve".</summary>
    public bool IgnoresLease { get; init; }

    public int Sessions => _sessions.Count;

    public int Epochs => _epochs.Count;

    public ModelSession? Find(SessionId session) => _sessions.GetValueOrDefault(session);

    public void OpenSession(SessionId session, IReadOnlyList<IpPrefix> prefixes, int innerMtu)
    {
        if (!_sessions.TryAdd(session, new(session, prefixes, innerMtu))) throw new InvalidOperationException($"session {session} is open already");
    }

    public void SetInnerMtu(SessionId session, int innerMtu)
    {
        if (_sessions.TryGetValue(session, out ModelSession? entry)) entry.InnerMtu = innerMtu;
    }

    public void CloseSession(SessionId session)
    {
        if (_sessions.Remove(session, out ModelSession? entry)) ForgetAll(entry);
    }

    public void ArmTrafficResumed(SessionId session)
    {
        if (_sessions.TryGetValue(session, out ModelSession? entry)) entry.IsArmed = true;
    }

    public void InstallEpoch(SessionId session, TrafficKeys keys, TransportAddress source, bool held)
    {
        ModelSession entry = Session(session);
        Sweep(entry);
        if (entry.Epochs.Count >= MaxEpochs) throw new InvalidOperationException($"session {session} has {MaxEpochs} epochs");
        var epoch = new ModelEpoch(entry, keys, Fingerprint(keys.Send), Fingerprint(keys.Receive), source, held && !IgnoresHeld);
        if (!_epochs.TryAdd(keys.LocalIndex, epoch)) throw new InvalidOperationException($"receiver index {keys.LocalIndex:x8} is taken");
        entry.Epochs.Add(epoch);
    }

    public ulong Bind(SessionId session, uint localIndex, TransportAddress transport, Instant oldUntil)
    {
        ModelSession entry = Session(session);
        Sweep(entry);
        ModelEpoch epoch = Epoch(entry, localIndex) ?? throw new InvalidOperationException($"session {session} has no epoch {localIndex:x8}");
        if (entry.OldEpochs.Contains(epoch)) throw new InvalidOperationException($"epoch {localIndex:x8} was replaced");
        ModelEpoch? old = entry.Binding?.Epoch;
        if (old == epoch) old = null;
        epoch.Source = transport;
        entry.Binding = (epoch, transport);
        if (old is not null)
        {
            old.Until = oldUntil;
            entry.OldEpochs.Add(old);
            if (entry.OldEpochs.Count > MaxOldEpochs) Unlist(entry, entry.OldEpochs[0]);
        }
        epoch.Held = false;
        if (IsOver) epoch.Queue.Clear();
        while (epoch.Queue.TryDequeue(out (byte[] Inner, Arrival Arrival) held)) Deliver(epoch, held.Inner, held.Arrival);
        return old?.Next ?? 0;
    }

    public void LimitEpoch(SessionId session, uint localIndex, ulong end)
    {
        if (_sessions.TryGetValue(session, out ModelSession? entry) && Epoch(entry, localIndex) is { } epoch) epoch.End = Math.Min(end, 1UL << 60);
    }

    public void RemoveEpoch(SessionId session, uint localIndex)
    {
        if (!_sessions.TryGetValue(session, out ModelSession? entry) || Epoch(entry, localIndex) is not { } epoch) return;
        if (entry.Binding?.Epoch == epoch) throw new InvalidOperationException($"epoch {localIndex:x8} is bound");
        Unlist(entry, epoch);
    }

    public void Unbind(SessionId session)
    {
        if (_sessions.TryGetValue(session, out ModelSession? entry)) ForgetAll(entry);
    }

    public bool SendControl(SessionId session, byte[] frame)
    {
        if (!_sessions.TryGetValue(session, out ModelSession? entry) || entry.Binding is null || IsOver) return false;
        Send(entry, frame);
        return true;
    }

    /// <summary>An inner packet out of the device for that session; false if nothing is bound.</summary>
    public bool SendInner(SessionId session, byte[] inner)
    {
        if (!_sessions.TryGetValue(session, out ModelSession? entry)) return false;
        Disarm(entry);
        if (entry.Binding is null || IsOver) return false;
        entry.SentPackets++;
        Send(entry, inner);
        return true;
    }

    public bool TryReadCounters(SessionId session, out TrafficCounters counters)
    {
        counters = default;
        if (!_sessions.TryGetValue(session, out ModelSession? entry)) return false;
        ModelEpoch? epoch = entry.Binding?.Epoch;
        counters = new(epoch?.LocalIndex ?? 0, epoch?.Next ?? 0, epoch?.HighestReceived ?? 0, epoch?.Received ?? 0, epoch?.LastReceived ?? Instant.Zero,
            entry.LastSent, entry.ReceivedPackets, entry.ReceivedPackets * ModelPacket.InnerSize, entry.SentPackets, entry.SentPackets * ModelPacket.InnerSize);
        return true;
    }

    /// <summary>One datagram from a socket: the list of checks of the real receiving thread, in its order.</summary>
    public void Receive(TransportAddress source, Datagram datagram)
    {
        byte[] bytes = datagram.Bytes;
        if (bytes.Length == 0 || IsOver) return;
        if (bytes[0] != (byte)MessageType.Data)
        {
            host.ControlDatagram(source, datagram);
            return;
        }
        if (bytes.Length < ModelPacket.Overhead || bytes[1] != 0 || bytes[2] != 0 || bytes[3] != 0) return;
        if (!_epochs.TryGetValue(ModelPacket.Index(bytes), out ModelEpoch? epoch)) return;
        ulong counter = ModelPacket.Counter(bytes);
        if (counter >= epoch.End || host.Now >= epoch.Until) return;
        bool fromSource = IgnoresSource || Matches(epoch.Source, source);
        if (!fromSource && !MayBeReported(epoch)) return;
        if (fromSource && !epoch.IsFresh(counter)) return;
        if (!ModelPacket.IsAuthentic(epoch.ReceiveKey, bytes)) return;
        if (!fromSource)
        {
            Report(epoch, counter, source, bytes.Length);
            return;
        }
        if (!epoch.TryAccept(counter)) return;
        epoch.LastReceived = host.Now;
        if (epoch.Received == 1 && !epoch.Held) host.EpochHeard(epoch.Session.Id, epoch.LocalIndex);
        byte[] body = bytes[ModelPacket.HeaderSize..^ModelPacket.TagSize];
        if (body.Length == 0) return;
        if (body[0] >> 4 == 0)
        {
            host.ControlFrame(epoch.Session.Id, epoch.LocalIndex, body);
            return;
        }
        if (body.Length != ModelPacket.InnerSize || !epoch.Session.Prefixes.Any(prefix => prefix.Contains(ModelPacket.SourceOf(body)))) return;
        Disarm(epoch.Session);
        var arrival = new Arrival(source, host.Now, epoch.ReceiveKey, counter, epoch.LocalIndex);
        if (!epoch.Held) Deliver(epoch, body, arrival);
        else if (epoch.Session.Epochs.Sum(each => each.Queue.Count) < MaxHeldPackets) epoch.Queue.Enqueue((body, arrival));
    }

    /// <summary>Asked before every delivery and every send, by the node's own clock (REQ-PARTITION-2).</summary>
    private bool IsOver => !host.Serves && !IgnoresLease;

    private void Send(ModelSession session, byte[] body)
    {
        (ModelEpoch epoch, TransportAddress transport) = session.Binding!.Value;
        ulong counter = epoch.Next++;
        session.LastSent = host.Now;
        host.SendData(session.Id, transport, ModelPacket.Seal(epoch.SendKey, epoch.RemoteIndex, counter, body), epoch.SendKey, counter);
    }

    private void Deliver(ModelEpoch epoch, byte[] inner, in Arrival arrival)
    {
        epoch.Session.ReceivedPackets++;
        host.Deliver(epoch.Session.Id, inner, arrival);
    }

    private void Disarm(ModelSession session)
    {
        if (!session.IsArmed) return;
        session.IsArmed = false;
        host.TrafficResumed(session.Id);
    }

    private bool MayBeReported(ModelEpoch epoch)
    {
        if (epoch.Session.Binding?.Epoch != epoch || !epoch.UnboundAttempts.TryTake(host.Now, UnboundAttempts, out TokenBucket after)) return false;
        epoch.UnboundAttempts = after;
        return true;
    }

    private void Report(ModelEpoch epoch, ulong counter, TransportAddress source, int size)
    {
        if (!epoch.Session.UnboundReports.TryTake(host.Now, UnboundReports, out TokenBucket after)) return;
        epoch.Session.UnboundReports = after;
        host.UnboundSource(epoch.Session.Id, epoch.LocalIndex, counter, source, size);
    }

    private static bool Matches(TransportAddress bound, TransportAddress source) =>
        bound.Socket == source.Socket && bound.Remote == source.Remote
        && (bound.Local.IsUnspecified || source.Local.IsUnspecified || bound.Local.Address == source.Local.Address);

    private void Sweep(ModelSession session)
    {
        foreach (ModelEpoch epoch in session.OldEpochs.Where(epoch => epoch.Until <= host.Now).ToArray()) Unlist(session, epoch);
    }

    private void ForgetAll(ModelSession session)
    {
        session.Binding = null;
        foreach (ModelEpoch epoch in session.Epochs.ToArray()) Unlist(session, epoch);
    }

    private void Unlist(ModelSession session, ModelEpoch epoch)
    {
        _epochs.Remove(epoch.LocalIndex);
        session.Epochs.Remove(epoch);
        session.OldEpochs.Remove(epoch);
        epoch.Queue.Clear();
    }

    private ModelSession Session(SessionId session) =>
        _sessions.GetValueOrDefault(session) ?? throw new InvalidOperationException($"session {session} is not open");

    private static ModelEpoch? Epoch(ModelSession session, uint localIndex) => session.Epochs.Find(epoch => epoch.LocalIndex == localIndex);

    private UInt128 Fingerprint(SecretHandle key)
    {
        Span<byte> bytes = stackalloc byte[16];
        crypto.ExpandPublic(key, "model of the data plane"u8, bytes);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes);
    }
}
