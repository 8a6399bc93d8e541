using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Cores;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.EventStore;
using JumpingVpn.Infrastructure.Linux.Netlink;
using JumpingVpn.Infrastructure.Shell;
using JumpingVpn.Infrastructure.Tests.Audit;
using JumpingVpn.Infrastructure.Tests.DataPlane;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Fuzz.Tests;

/// <summary>
/// Makes the corpus anew, with the program's own encoders and from recorded runs of simulated worlds. Configurations and requests are
/// written by hand. Runs only when it is asked to: after a format has changed.
/// </summary>
internal sealed class CorpusMaker(string root)
{
    private const int MostLines = 24;

    /// <summary>Not that of the situations which targets make: there its messages would be genuine ones that nobody has sent.</summary>
    private const ulong ForeignWorld = 1_000;

    public void Write()
    {
        Wire();
        Payloads();
        Put("state", "plaintext.bin", StatePlaintext());
        Histories();
        IncidentLines();
        Put("control-replies", "replies.jsonl", Lines(Replies()));
        Tun();
        Netlink();
    }

    private void Wire()
    {
        var found = new SortedDictionary<MessageType, byte[]>();
        for (int i = 0; i < Situation.Count; i++)
            foreach (Simulation.Tests.Network.Datagram datagram in Situation.Make(i, isReal: true, ForeignWorld).Genuine) found.TryAdd(datagram.Type, datagram.Bytes);
        byte[] cookie = new byte[Cookie.Size], challenge = new byte[Challenge.Size], refused = new byte[Refused.Size];
        Cookie.WriteHeader(cookie, 0x1234);
        new Challenge(0x1234, 77).Write(challenge);
        new Refused(new SessionId(5), (ushort)ReasonCode.VersionMismatch, 3, 250, 9, new InstanceId(4)).Write(refused);
        found.TryAdd(MessageType.Cookie, cookie);
        found.TryAdd(MessageType.Challenge, challenge);
        found.TryAdd(MessageType.Refused, refused);
        foreach ((MessageType type, byte[] bytes) in found) Put("wire", $"{(byte)type:00}-{type.ToString().ToLowerInvariant()}.bin", bytes);
    }

    private void Payloads()
    {
        ControlFrame[] frames = [new ControlFrame.EpochEnd(7, 99), new ControlFrame.StateChanged(2, 2, 9), new ControlFrame.Released(11)];
        foreach (ControlFrame frame in frames)
        {
            byte[] bytes = new byte[ControlFrame.Size];
            frame.Write(bytes);
            Put("payloads", $"frame-{frame.GetType().Name.ToLowerInvariant()}.bin", bytes);
        }
        byte[] initiation = new byte[InitiationPayload.Size], response = new byte[ResponsePayload.Size], bound = new byte[Bound.PlaintextSize], policy = new byte[PolicyBlock.Size];
        new InitiationPayload(ProtocolConstants.Version, 3, new InstanceId(5), 1).Write(initiation);
        new ResponsePayload(new SessionId(9), CipherSuite.Aes256Gcm, 7).Write(response);
        new Bound(3, 2, 1, 1, 1, 100, 4, new InstanceId(5), 86_400_000, 1400, [new IpPrefix(Endpoint.FromIPv4(0x0A4D0002, 0).Address, 32, true), new IpPrefix(UInt128.One << 120, 64, false)],
            SessionPolicy.Default, new byte[Ticket.Size]).WritePlaintext(bound);
        PolicyBlock.Write(policy, SessionPolicy.Default);
        Put("payloads", "initiation.bin", initiation);
        Put("payloads", "response.bin", response);
        Put("payloads", "bound.bin", bound);
        Put("payloads", "policy.bin", policy);
    }

    private static byte[] StatePlaintext()
    {
        byte[] bytes = new byte[32 + 16 + 8 + 8 + 1 + (16 * 16) + Ticket.Size - ICryptography.SecretSize + ICryptography.SecretSize];
        for (int i = 0; i < 64; i++) bytes[i] = (byte)i;
        bytes[64] = 2;
        bytes.AsSpan(65, 32).Fill(6);
        return bytes;
    }

    private void Histories()
    {
        var envelopes = new SortedSet<string>(StringComparer.Ordinal);
        var parts = new SortedSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < Situation.Count; i++)
        {
            Simulation.Tests.World world = Situation.Make(i, isReal: false).World;
            foreach (SessionId id in world.Oracle.Sessions)
            {
                if (world.Store.State.Load(id) is not LoadResult.Found found || world.Oracle.Find(id) is not { } session) continue;
                parts.Add(SessionJson.Of(session).Text);
                foreach (EventEnvelope envelope in found.History.Envelopes)
                {
                    if (envelopes.Count(text => text.Contains($"\"{envelope.Alias}\"", StringComparison.Ordinal)) >= 3) continue;
                    envelopes.Add(envelope.ToText());
                    parts.Add(envelope.Draft.Data.Text);
                    parts.Add(envelope.Draft.Cause.Text);
                }
                var snapshot = new EventEnvelope(id, (long)session.Version, SessionRecords.SnapshotOf(session, new Owner("gw", default), session.UpdatedAt, default), default, default);
                if (envelopes.Count < MostLines) envelopes.Add((snapshot with { Hash = snapshot.ComputeHash() }).ToText());
            }
        }
        parts.Add(SessionJson.Of(SessionPolicy.Default).Text);
        Put("envelopes", "envelopes.jsonl", Lines(envelopes.Take(MostLines)));
        Put("sessions", "sessions.jsonl", Lines(parts.OrderBy(text => text.Length).ThenBy(text => text, StringComparer.Ordinal).Take(3 * MostLines)));
        Put("segments", "segment.jsonl", Lines([.. envelopes.Take(6), new SegmentNote("gw", "events-20260131-001.jsonl", 4096, new WallTime(1_800_000_000_000_000)).ToText(), SignedTree().ToText()]));
    }

    private static SignedTree SignedTree() => Domain.Audit.Incidents.SignedTree.Sign(Incidents.GwB, "gw-b", new(1_790_000_031_000_000),
        [new(HeadKind.Event, new SessionId(5), 3, new Hash256(1, 1)), new(HeadKind.Snapshot, new SessionId(6), 9, new Hash256(2, 2))]);

    /// <summary>The lines of incident files without their seals, which the target makes.</summary>
    private void IncidentLines()
    {
        Put("incidents", "gateway.jsonl", Lines(Incidents.Records(History.Story()).Select(IncidentJson.Write)));
        History compacted = History.Story();
        List<IncidentRecord> records = Incidents.Records(compacted);
        int first = records.FindIndex(record => record is IncidentRecord.Event);
        EventEnvelope snapshot = compacted.Snapshot();
        records.RemoveRange(first, compacted.Envelopes.Count);
        records.InsertRange(first,
        [
            new IncidentRecord.Gap(1, snapshot.Version, "gw-b", "not in this node's archive"), new IncidentRecord.Event(snapshot),
            new IncidentRecord.Signed(SignedHead.Sign(Incidents.GwA, "gw-a", new(1_790_000_040_000_000), [HeadLeaf.Of(snapshot)], 0)),
        ]);
        records.RemoveAll(record => record is IncidentRecord.Signed { Head.Leaf.Kind: HeadKind.Event });
        Put("incidents", "compacted.jsonl", Lines(records.Select(IncidentJson.Write)));
        Evidence.Mirrored moved = new("laptop", new(1_790_000_012_000_000), History.Id, 3, SessionState.Recovering, SessionState.Attached, "TRANSPORT_SWITCHED", "wan2", "bound");
        Put("incidents", "client.jsonl", Lines(((IncidentRecord[])
        [
            Incidents.Header(IncidentRole.Client, "laptop"), new IncidentRecord.NodeKey("laptop", Incidents.Laptop.Key),
            .. Incidents.Seen("laptop").Append(moved).Select(seen => new IncidentRecord.Observed(seen)),
        ]).Select(IncidentJson.Write)));
    }

    private static IEnumerable<string> Replies()
    {
        var session = new SessionStatus
        {
            Id = new SessionId(0x0123_4567).ToString(),
            Client = "laptop",
            State = "Attached",
            Version = 7,
            BindingVersion = 6,
            Owner = "gw-a",
            OwnershipEpoch = 1,
            KeyEpoch = 3,
            EstablishedAt = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
            Addresses = ["10.77.0.2/32"],
            Transport = new() { Id = 6, Uplink = "wan1", Local = "192.0.2.1:51830", Remote = "198.51.100.7:40000", BoundAt = new DateTime(2026, 1, 2, 3, 5, 6, DateTimeKind.Utc) },
            Paths = [new() { Uplink = "wan1", Endpoint = "192.0.2.1:51830", State = "Live", RttMs = 12.5, Loss = 0.01, Mtu = 1420 }],
            Switches = 2,
            LastReason = "TRANSPORT_SWITCHED",
            RxBytes = 1,
            TxBytes = 2,
            RxPackets = 3,
            TxPackets = 4,
        };
        var status = new NodeStatus
        {
            Role = "client",
            Node = "laptop",
            Version = "0.1.0",
            Sessions = [session],
            Rejections = new Dictionary<string, long> { ["REPLAY_DETECTED"] = 3 },
            Store = new() { Kind = "sqlite", Healthy = true, LiveEvents = 12 },
            Lease = null,
            Telemetry = new() { Dropped = 0 },
        };
        ControlResponse[] responses = [new() { Ok = true }, new() { Ok = true, Status = status }, ControlResponse.Refused(ControlNames.UnknownSession, "no such session")];
        return responses.Select(response => JsonSerializer.Serialize(response, ControlJson.Default.ControlResponse));
    }

    private void Tun()
    {
        byte[] small = new byte[64], large = new byte[4_000];
        for (int i = 0; i < large.Length; i++) large[i] = (byte)i;
        Packet("udp4", Packets.Udp("10.9.0.1", "10.9.0.2", small), default);
        Packet("udp6", Packets.Udp("fd09::1", "fd09::2", small), default);
        Packet("tcp4", Packets.Tcp("10.9.0.1", "10.9.0.2", 1, small), new() { Flags = VirtioNetHeader.NeedsChecksum, ChecksumStart = 20, ChecksumOffset = 16 });
        Packet("tcp4-superpacket", Packets.Tcp("10.9.0.1", "10.9.0.2", 1, large), Superpacket(VirtioNetHeader.GsoTcp4, 20, 16, 32));
        Packet("tcp6-superpacket", Packets.Tcp("fd09::1", "fd09::2", 1, large), Superpacket(VirtioNetHeader.GsoTcp6, 40, 16, 32));
        Packet("udp4-superpacket", Packets.Udp("10.9.0.1", "10.9.0.2", large), Superpacket(VirtioNetHeader.GsoUdp, 20, 6, 8));
        Packet("udp6-superpacket", Packets.Udp("fd09::1", "fd09::2", large), Superpacket(VirtioNetHeader.GsoUdp, 40, 6, 8));
    }

    private static VirtioNetHeader Superpacket(byte type, ushort start, ushort offset, ushort transport) => new()
    {
        Flags = VirtioNetHeader.NeedsChecksum, GsoType = type, HeaderLength = (ushort)(start + transport), SegmentSize = 700, ChecksumStart = start, ChecksumOffset = offset,
    };

    private void Packet(string name, byte[] packet, VirtioNetHeader header)
    {
        byte[] whole = new byte[VirtioNetHeader.Size + packet.Length];
        MemoryMarshal.Write(whole, in header);
        packet.CopyTo(whole, VirtioNetHeader.Size);
        Put("tun", name + ".bin", whole);
    }

    private void Netlink()
    {
        var link = new NetlinkWriter(new byte[256], NetlinkNumbers.RTM_NEWLINK, 0);
        Span<byte> header = link.Header(16);
        MemoryMarshal.Write(header[4..], 7);
        MemoryMarshal.Write(header[8..], NetlinkNumbers.IFF_UP);
        link.Add(NetlinkNumbers.IFLA_IFNAME, "wan1");
        link.Add(NetlinkNumbers.IFLA_MTU, 1500u);
        int info = link.Begin(NetlinkNumbers.IFLA_LINKINFO);
        link.Add(NetlinkNumbers.IFLA_INFO_KIND, "veth");
        link.End(info);
        Put("netlink", "link.bin", link.Finish().ToArray());

        var address = new NetlinkWriter(new byte[256], NetlinkNumbers.RTM_NEWADDR, 0);
        header = address.Header(8);
        header[0] = 10;
        header[1] = 64;
        MemoryMarshal.Write(header[4..], 7);
        address.Add(NetlinkNumbers.IFA_ADDRESS, [0xFD, .. new byte[14], 1]);
        address.Add(NetlinkNumbers.IFA_FLAGS, 0x80u);
        Put("netlink", "address.bin", address.Finish().ToArray());

        var route = new NetlinkWriter(new byte[256], NetlinkNumbers.RTM_NEWROUTE, 0);
        header = route.Header(12);
        header[0] = 2;
        header[4] = 254;
        header[7] = NetlinkNumbers.RTN_UNICAST;
        int hops = route.Begin(NetlinkNumbers.RTA_MULTIPATH);
        for (int i = 1; i <= 2; i++)
        {
            Span<byte> hop = route.Header(8);
            MemoryMarshal.Write(hop, (ushort)16);
            MemoryMarshal.Write(hop[4..], i);
            route.Add(NetlinkNumbers.RTA_GATEWAY, [10, 0, 0, (byte)i]);
        }
        route.End(hops);
        route.Add(NetlinkNumbers.RTA_PRIORITY, 100u);
        Put("netlink", "route.bin", route.Finish().ToArray());
    }

    private void Put(string folder, string name, byte[] bytes)
    {
        string directory = Path.Combine(root, folder);
        Directory.CreateDirectory(directory);
        File.WriteAllBytes(Path.Combine(directory, name), bytes);
    }

    private static byte[] Lines(IEnumerable<string> lines) => Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n")));
}
