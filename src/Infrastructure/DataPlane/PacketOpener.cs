using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>How a datagram came.</summary>
/// <param name="Socket">The socket it came by.</param>
/// <param name="Remote">Who sent it.</param>
/// <param name="Local">The local address it was sent to; zero where the socket does not tell.</param>
/// <param name="Now">When it was received.</param>
internal readonly record struct Arrival(SocketEntry Socket, Endpoint Remote, UInt128 Local, Instant Now)
{
    public TransportAddress Source =>
        new(Socket.Socket, Local == UInt128.Zero ? default : new(Local, Socket.Port), Remote);
}

/// <summary>
/// Decides what becomes of a datagram. <see cref="Handle"/> is the list of checks, in order, each with its reason: what is cheap comes
/// before what is dear, and nothing is marked or told before the packet has proved itself (REQ-PATH-1).
/// </summary>
internal sealed unsafe class PacketOpener(
    ReadMostlyTable<uint, KeyEpoch> epochs, TunWriter tun, IDataPlaneEvents events, HeldTotal held, DropCounters drops)
{
    /// <summary>Handles one datagram, in place: its memory holds the inner packet afterwards, until the TUN writer's flush.</summary>
    public Outcome Handle(byte* datagram, int size, in Arrival arrival)
    {
        if (size == 0) { drops.Add(DropReason.TooShort); return Outcome.Refused; }
        if (datagram[0] != PacketHeader.Type) return PassOn(datagram, size, arrival);
        if (size < PacketHeader.Overhead) { drops.Add(DropReason.TooShort); return Outcome.VainData; }
        if (!PacketHeader.ReservedBitsAreZero(datagram)) { drops.Add(DropReason.ReservedBits); return Outcome.VainData; }
        if (epochs.Find(PacketHeader.Index(datagram)) is not { } epoch) { drops.Add(DropReason.UnknownIndex); return Outcome.VainData; }

        ulong counter = PacketHeader.Counter(datagram);
        if (counter >= epoch.End || arrival.Now.Ticks >= epoch.Until) { drops.Add(DropReason.EpochOver); return Outcome.VainData; }
        bool fromSource = epoch.Source.Matches(arrival.Socket.Socket, arrival.Remote, arrival.Local);
        if (!fromSource && !MayBeReported(epoch, arrival.Now)) return Outcome.VainData;

        // A replay is refused before it costs a decryption; only the check that marks, below, decides.
        if (fromSource && !epoch.IsFresh(counter)) { drops.Add(DropReason.Replayed); return Outcome.Taken; }

        byte flags = PacketHeader.Flags(datagram);
        if (!epoch.PacketKeys.TryOpen(datagram, size)) { drops.Add(DropReason.Forged); return fromSource ? Outcome.Taken : Outcome.VainData; }
        if (!fromSource) { Report(epoch, counter, arrival); return Outcome.Taken; }
        if (!epoch.TryAccept(counter)) { drops.Add(DropReason.Replayed); return Outcome.Taken; }
        epoch.LastReceived = arrival.Now.Ticks;
        if (epoch.Received == 1 && !epoch.Held) events.EpochHeard(epoch.Session.Id, epoch.Keys.LocalIndex);

        byte* inner = datagram + PacketHeader.Size;
        int length = size - PacketHeader.Overhead;
        if (length == 0) return Outcome.Taken;
        if (inner[0] >> 4 == 0) { PassOnFrame(epoch, inner, length); return Outcome.Taken; }
        if (!InnerPacket.TryRead(inner, length, out InnerPacket packet)) { drops.Add(DropReason.InnerMalformed); return Outcome.Taken; }
        SessionEntry session = epoch.Session;
        bool owned = packet.IsIPv4 ? session.Owns(packet.Source4) : session.Owns(packet.Source6);
        if (!owned) { drops.Add(DropReason.InnerSource); return Outcome.Taken; }
        if ((flags & PacketHeader.ChecksumMissing) != 0 && packet.ChecksumOffset == 0) { drops.Add(DropReason.InnerChecksum); return Outcome.Taken; }
        Deliver(epoch, packet, flags, counter);
        return Outcome.Taken;
    }

    /// <summary>Delivers what an epoch held, now that it is bound.</summary>
    public void Release(KeyEpoch epoch)
    {
        if (epoch.Removed) return;
        while (epoch.Queue.First(out int length, out ulong counter, out byte flags) is var inner && inner != null)
        {
            if (InnerPacket.TryRead(inner, length, out InnerPacket packet))
            {
                epoch.Session.Received.Add(1, length);
                tun.Add(packet, flags, counter, epoch);
                tun.Flush();
            }
            epoch.Queue.RemoveFirst(epoch.Session, held);
        }
    }

    private void Deliver(KeyEpoch epoch, in InnerPacket packet, byte flags, ulong counter)
    {
        SessionEntry session = epoch.Session;
        if (session.TryDisarm()) events.TrafficResumed(session.Id);
        if (epoch.Held)
        {
            if (!epoch.Queue.TryAdd(session, held, packet.Ip, packet.Length, counter, flags)) drops.Add(DropReason.HeldOverflow);
            return;
        }
        if (epoch.Queue.Count != 0)
        {
            tun.Flush();
            Release(epoch);
        }
        session.Received.Add(1, packet.Length);
        tun.Add(packet, flags, counter, epoch);
    }

    /// <summary>
    /// A packet from elsewhere is worth a decryption only if it could be reported, and only so often: whoever has seen an index can
    /// send any number of them (REQ-FLOOD-5).
    /// </summary>
    private bool MayBeReported(KeyEpoch epoch, Instant now)
    {
        if (!epoch.IsCurrent)
        {
            drops.Add(DropReason.UnboundSource);
            return false;
        }
        if (epoch.UnboundAttempts.TryTake(now)) return true;
        drops.Add(DropReason.UnboundSourceFlood);
        return false;
    }

    private void Report(KeyEpoch epoch, ulong counter, in Arrival arrival)
    {
        drops.Add(DropReason.UnboundSource);
        if (epoch.Session.UnboundReports.TryTake(arrival.Now))
            events.UnboundSource(epoch.Session.Id, epoch.Keys.LocalIndex, counter, arrival.Source);
    }

    private Outcome PassOn(byte* datagram, int size, in Arrival arrival)
    {
        if (size > PacketHeader.MaxControlDatagram)
        {
            drops.Add(DropReason.ControlTooLong);
            return Outcome.Refused;
        }
        return events.ControlDatagram(arrival.Source, new(datagram, size), arrival.Now) switch
        {
            ControlVerdict.Refused => Outcome.Refused,
            ControlVerdict.RefusedAgain => Outcome.RefusedAgain,
            ControlVerdict.RefusedNaming => Outcome.RefusedNaming,
            ControlVerdict.RefusedAgainNaming => Outcome.RefusedAgainNaming,
            _ => Outcome.Taken,
        };
    }

    private void PassOnFrame(KeyEpoch epoch, byte* frame, int length)
    {
        if (length > PacketHeader.MaxControlFrame) drops.Add(DropReason.InnerMalformed);
        else events.ControlFrame(epoch.Session.Id, epoch.Keys.LocalIndex, new(frame, length));
    }
}
