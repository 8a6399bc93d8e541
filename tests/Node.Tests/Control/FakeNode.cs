using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Tests.Control;

/// <summary>A node that answers as it is told.</summary>
public sealed class FakeNode : INodeControl
{
    public static readonly SessionId Known = new(0x0123_4567_89ab_cdef);

    public List<SessionId> Terminated { get; } = [];

    public TerminationOutcome Outcome { get; set; } = TerminationOutcome.Terminated;

    public Func<CancellationToken, Task<NodeStatus>>? OnSnapshot { get; set; }

    public static NodeStatus Gateway(int sessions = 1) => new()
    {
        Role = "gateway",
        Node = "gw-a",
        Version = "0.1.0",
        Sessions = [.. Enumerable.Range(0, sessions).Select(i => Session(new SessionId(Known.Value + (UInt128)i)))],
        Rejections = new Dictionary<string, long> { ["REPLAY_DETECTED"] = 3 },
        Store = new() { Kind = "sqlite", Healthy = true, LiveEvents = 12 },
        Lease = null,
        Telemetry = new() { Dropped = 0 },
    };

    public static SessionStatus Session(SessionId id) => new()
    {
        Id = id.ToString(),
        Client = "laptop",
        State = "Attached",
        Version = 7,
        BindingVersion = 6,
        Owner = "gw-a",
        OwnershipEpoch = 1,
        KeyEpoch = 3,
        EstablishedAt = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        Addresses = ["10.77.0.2/32", "fd77::2/128"],
        Transport = new() { Id = 6, Uplink = null, Local = "192.0.2.1:51830", Remote = "198.51.100.7:40000", BoundAt = new DateTime(2026, 1, 2, 3, 5, 6, DateTimeKind.Utc) },
        Paths = [new() { Uplink = "wan1", Endpoint = "192.0.2.1:51830", State = "Live", RttMs = 12.5, Loss = 0.01, Mtu = null }],
        Switches = 2,
        LastReason = "TRANSPORT_SWITCHED",
        RxBytes = 1,
        TxBytes = 2,
        RxPackets = 3,
        TxPackets = 4,
    };

    public Task<NodeStatus> SnapshotAsync(CancellationToken cancellation) => OnSnapshot?.Invoke(cancellation) ?? Task.FromResult(Gateway());

    /// <summary>What an export of the known session holds.</summary>
    public byte[] Incident { get; set; } = [];

    public async Task<string?> ExportSessionAsync(SessionId session, Stream output, CancellationToken cancellation)
    {
        if (session != Known) return $"{session}: nothing is known of it";
        await output.WriteAsync(Incident, cancellation);
        return null;
    }

    public Task<TerminationOutcome> TerminateSessionAsync(SessionId session, CancellationToken cancellation)
    {
        Terminated.Add(session);
        return Task.FromResult(session == Known ? Outcome : TerminationOutcome.UnknownSession);
    }
}
