using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using LanguageExt;
using static JumpingVpn.Domain.Audit.JsonValue;

namespace JumpingVpn.Domain.Sessions;

/// <summary>STORAGE FORMAT: the members' names and spellings. See <see cref="SessionJson"/>.</summary>
internal static class SessionJsonWriting
{
    public static JsonValue Session(Session session) => Object(
        ("id", Of(session.Id.ToString())),
        ("client", Of(session.Client.ToString())),
        ("clientName", Maybe(session.ClientName, Of)),
        ("addresses", Array(session.Addresses.Select(address => Of(address.ToString())))),
        ("state", Of(session.State.ToString())),
        ("version", OfUInt64(session.Version)),
        ("bindingVersion", OfUInt64(session.BindingVersion)),
        ("owner", Maybe(session.Owner, OwnerOf)),
        ("ownershipEpoch", OfUInt64(session.OwnershipEpoch)),
        ("keyEpoch", Small(session.KeyEpoch)),
        ("lastNonce", OfUInt64(session.LastNonce)),
        ("transport", Maybe(session.Transport, Transport)),
        ("instance", Of(session.Instance.ToString())),
        ("establishedAt", At(session.EstablishedAt)),
        ("expiresAt", At(session.ExpiresAt)),
        ("stateSince", At(session.StateSince)),
        ("updatedAt", At(session.UpdatedAt)),
        ("lastBoundAt", At(session.LastBoundAt)),
        ("lastKeyedAt", At(session.LastKeyedAt)),
        ("recoveryDeadline", At(session.RecoveryDeadline)),
        ("budgets", Budgets(session.Budgets)),
        ("switches", OfUInt64(session.Switches)),
        ("lastReason", Of(session.LastReason.Name())),
        ("policyHash", Of(session.PolicyHash.ToString())));

    public static JsonValue Event(SessionEvent happened)
    {
        IEnumerable<(string, JsonValue)> own = happened switch
        {
            SessionEvent.Established e =>
            [
                ("id", Of(e.Id.ToString())), ("client", Of(e.Client.ToString())), ("clientName", Maybe(e.ClientName, Of)),
                ("addresses", Array(e.Addresses.Select(address => Of(address.ToString())))), ("instance", Of(e.Instance.ToString())),
                ("owner", OwnerOf(e.Owner)), ("transport", Transport(e.Transport)), ("expiresAt", At(e.ExpiresAt)),
                ("policyHash", Of(e.PolicyHash.ToString())),
            ],
            SessionEvent.BecameVolatile e => [("quality", Quality(e.Quality))],
            SessionEvent.StabilityRestored e => [("quality", Quality(e.Quality))],
            SessionEvent.EnteredDegraded => [],
            SessionEvent.TransportLost e => [("transportId", OfUInt64(e.TransportId)), ("recoveryDeadline", At(e.RecoveryDeadline))],
            SessionEvent.TransportSwitched e => [("binding", BindingOf(e.Binding))],
            SessionEvent.KeysRotated e => [("nonce", OfUInt64(e.Nonce)), ("keyEpoch", Small(e.KeyEpoch))],
            SessionEvent.OwnershipReleased e => [("previous", OwnerOf(e.Previous)), ("recoveryDeadline", At(e.RecoveryDeadline))],
            SessionEvent.OwnershipClaimed e =>
            [
                ("owner", OwnerOf(e.Owner)), ("ownershipEpoch", OfUInt64(e.OwnershipEpoch)), ("fenced", Maybe(e.Fenced, OwnerOf)),
                ("binding", BindingOf(e.Binding)),
            ],
            SessionEvent.Terminated e => [("cause", Of(e.Cause.Name())), ("successor", Maybe(e.Successor, id => Of(id.ToString())))],
            _ => throw new InvalidOperationException("an event that is none of the known ones"),
        };
        return Object([("version", OfUInt64(happened.Version)), ("at", At(happened.At)), .. own]);
    }

    public static JsonValue Command(SessionCommand command)
    {
        (string name, IEnumerable<(string, JsonValue)> own) = command switch
        {
            SessionCommand.Establish c => ("establish", (IEnumerable<(string, JsonValue)>)
            [
                ("client", Of(c.Client.ToString())), ("clientName", Maybe(c.ClientName, Of)),
                ("addresses", Array(c.Addresses.Select(address => Of(address.ToString())))), ("instance", Of(c.Instance.ToString())),
                ("transport", Candidate(c.Transport)), ("policyHash", Of(c.PolicyHash.ToString())),
            ]),
            SessionCommand.Reattach c => ("reattach", [("request", Request(c.Request))]),
            SessionCommand.Claim c => ("claim", [("fenced", Maybe(c.Fenced, OwnerOf)), ("request", Request(c.Request))]),
            SessionCommand.ReportQuality c => ("report_quality", [("quality", Quality(c.Quality))]),
            SessionCommand.LoseTransport c => ("lose_transport", [("transportId", OfUInt64(c.TransportId)), ("fenced", Maybe(c.Fenced, OwnerOf))]),
            SessionCommand.Release => ("release", []),
            SessionCommand.Supersede c => ("supersede", [("fenced", Maybe(c.Fenced, OwnerOf)), ("successor", Of(c.Successor.ToString()))]),
            SessionCommand.Terminate c => ("terminate", [("fenced", Maybe(c.Fenced, OwnerOf)), ("reason", Of(c.Reason.Name()))]),
            SessionCommand.Tick c => ("tick", [("fenced", Maybe(c.Fenced, OwnerOf))]),
            _ => throw new InvalidOperationException("a command that is none of the known ones"),
        };
        return Object([("command", Of(name)), ("at", At(command.At)), ("by", OwnerOf(command.By)), .. own]);
    }

    private static JsonValue BindingOf(Binding binding) => Object(
        ("kind", Of(binding.Kind.ToString())), ("nonce", OfUInt64(binding.Nonce)), ("keyEpoch", Small(binding.KeyEpoch)),
        ("transport", Transport(binding.Transport)), ("instance", Of(binding.Instance.ToString())), ("state", Of(binding.State.ToString())),
        ("budgets", Budgets(binding.Budgets)));

    private static JsonValue Transport(TransportBinding transport) => Object(
        ("id", OfUInt64(transport.Id)), ("node", Of(transport.Node)), ("remote", Of(transport.Remote.ToString())),
        ("local", Of(transport.Local.ToString())), ("path", Small(transport.Path.Value)), ("boundAt", At(transport.BoundAt)));

    private static JsonValue Candidate(TransportCandidate candidate) => Object(
        ("remote", Of(candidate.Remote.ToString())), ("local", Of(candidate.Local.ToString())), ("path", Small(candidate.Path.Value)));

    private static JsonValue Request(ReattachRequest request) => Object(
        ("kind", Of(request.Kind.ToString())), ("nonce", OfUInt64(request.Nonce)), ("bindingVersion", OfUInt64(request.ExpectedBindingVersion)),
        ("transport", Candidate(request.Transport)), ("instance", Of(request.Instance.ToString())));

    private static JsonValue Quality(QualityReport quality) => Object(
        ("lossPpm", Of(quality.LossPpm)), ("rttMicros", OfInt64(quality.RttMicros)), ("belowFloorSince", At(quality.BelowFloorSince)),
        ("aboveCeilingSince", At(quality.AboveCeilingSince)));

    private static JsonValue Budgets(SwitchBudgets budgets) =>
        Object(("quality", BucketOf(budgets.Quality)), ("recovery", BucketOf(budgets.Recovery)));

    private static JsonValue BucketOf(TokenBucket bucket) => At(bucket.FullAt);

    private static JsonValue OwnerOf(Owner owner) => Object(("node", Of(owner.Node)), ("incarnation", Of(owner.Incarnation.ToString())));

    private static JsonValue At(Instant instant) => OfInt64(instant.Ticks);

    private static JsonValue Small(uint number) => new Number(number);

    private static JsonValue Maybe<T>(Option<T> option, Func<T, JsonValue> write) => option.Match(write, () => Null);
}
