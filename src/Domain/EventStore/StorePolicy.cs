namespace JumpingVpn.Domain.EventStore;

/// <summary>The store's bounds (REQ-EXHAUST-3: no table grows without one).</summary>
/// <param name="MaxLiveEvents">Envelopes of one stream at which compaction is due. At twice as many, appends are refused.</param>
/// <param name="EventsPerClientDay">Events that one client may cause in a day of the service clock. Ends of sessions always pass.</param>
/// <param name="SessionsPerClientDay">Sessions that one client may establish in a day of the service clock.</param>
/// <param name="EndedRetention">How long an ended session stays in the store, in service time.</param>
public sealed record StorePolicy(int MaxLiveEvents, int EventsPerClientDay, int SessionsPerClientDay, TimeSpan EndedRetention)
{
    /// <summary>
    /// 64 live events; 40,000 events (a jump every 5 s all day, with what leads up to each, is 35,000); 2,000 sessions; one hour,
    /// in which a client that comes back late still learns that its session is gone.
    /// </summary>
    public static readonly StorePolicy Default = new(64, 40_000, 2_000, TimeSpan.FromHours(1));
}
