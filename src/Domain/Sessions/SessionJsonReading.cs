using System.Collections.Immutable;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>The reverse of <see cref="SessionJsonWriting"/>; see <see cref="JsonFields"/> for how faults are kept.</summary>
internal static class SessionJsonReading
{
    public static Session Session(JsonFields fields) => Sessions.Session.Birth(fields.Parsed<SessionId>("id", SessionId.TryParse)) with
    {
        Client = fields.Parsed<PublicKey>("client", PublicKey.TryParse),
        ClientName = fields.MaybeParsed<string>("clientName", AnyText),
        Addresses = Addresses(fields),
        State = fields.Enum<SessionState>("state"),
        Version = fields.UInt64("version"),
        BindingVersion = fields.UInt64("bindingVersion"),
        Owner = fields.Maybe("owner", OwnerOf),
        OwnershipEpoch = fields.UInt64("ownershipEpoch"),
        KeyEpoch = fields.UInt32("keyEpoch"),
        LastNonce = fields.UInt64("lastNonce"),
        Transport = fields.Maybe("transport", Transport),
        Instance = fields.Parsed<InstanceId>("instance", InstanceId.TryParse),
        EstablishedAt = fields.Instant("establishedAt"),
        ExpiresAt = fields.Instant("expiresAt"),
        StateSince = fields.Instant("stateSince"),
        UpdatedAt = fields.Instant("updatedAt"),
        LastBoundAt = fields.Instant("lastBoundAt"),
        LastKeyedAt = fields.Instant("lastKeyedAt"),
        RecoveryDeadline = fields.Instant("recoveryDeadline"),
        Budgets = fields.Nested("budgets", Budgets),
        Switches = fields.UInt64("switches"),
        LastReason = fields.Parsed<ReasonCode>("lastReason", ReasonCodes.TryParse),
        PolicyHash = fields.Parsed<Hash256>("policyHash", Hash256.TryParse),
    };

    public static SessionEvent Event(string alias, JsonFields fields)
    {
        ulong version = fields.UInt64("version");
        Instant at = fields.Instant("at");
        return alias switch
        {
            SessionEventNames.Established => new SessionEvent.Established(version, at, fields.Parsed<SessionId>("id", SessionId.TryParse),
                fields.Parsed<PublicKey>("client", PublicKey.TryParse), fields.MaybeParsed<string>("clientName", AnyText), Addresses(fields),
                fields.Parsed<InstanceId>("instance", InstanceId.TryParse), fields.Nested("owner", OwnerOf), fields.Nested("transport", Transport),
                fields.Instant("expiresAt"), fields.Parsed<Hash256>("policyHash", Hash256.TryParse)),
            SessionEventNames.BecameVolatile => new SessionEvent.BecameVolatile(version, at, fields.Nested("quality", Quality)),
            SessionEventNames.StabilityRestored => new SessionEvent.StabilityRestored(version, at, fields.Nested("quality", Quality)),
            SessionEventNames.EnteredDegraded => new SessionEvent.EnteredDegraded(version, at),
            SessionEventNames.TransportLost => new SessionEvent.TransportLost(version, at, fields.UInt64("transportId"), fields.Instant("recoveryDeadline")),
            SessionEventNames.TransportSwitched => new SessionEvent.TransportSwitched(version, at, fields.Nested("binding", BindingOf)),
            SessionEventNames.KeysRotated => new SessionEvent.KeysRotated(version, at, fields.UInt64("nonce"), fields.UInt32("keyEpoch")),
            SessionEventNames.OwnershipReleased => new SessionEvent.OwnershipReleased(version, at, fields.Nested("previous", OwnerOf), fields.Instant("recoveryDeadline")),
            SessionEventNames.OwnershipClaimed => new SessionEvent.OwnershipClaimed(version, at, fields.Nested("owner", OwnerOf), fields.UInt64("ownershipEpoch"),
                fields.Maybe("fenced", OwnerOf), fields.Nested("binding", BindingOf)),
            SessionEventNames.Terminated => new SessionEvent.Terminated(version, at, fields.Parsed<ReasonCode>("cause", ReasonCodes.TryParse),
                fields.MaybeParsed<SessionId>("successor", SessionId.TryParse)),
            _ => fields.Bad<SessionEvent>("(alias)", new SessionEvent.EnteredDegraded(version, at)),
        };
    }

    public static SessionCommand Command(JsonFields fields)
    {
        Instant at = fields.Instant("at");
        Owner by = fields.Nested("by", OwnerOf);
        return fields.Text("command") switch
        {
            "establish" => new SessionCommand.Establish(at, by, fields.Parsed<PublicKey>("client", PublicKey.TryParse),
                fields.MaybeParsed<string>("clientName", AnyText), Addresses(fields), fields.Parsed<InstanceId>("instance", InstanceId.TryParse),
                fields.Nested("transport", Candidate), fields.Parsed<Hash256>("policyHash", Hash256.TryParse)),
            "reattach" => new SessionCommand.Reattach(at, by, fields.Nested("request", Request)),
            "claim" => new SessionCommand.Claim(at, by, fields.Maybe("fenced", OwnerOf), fields.Nested("request", Request)),
            "report_quality" => new SessionCommand.ReportQuality(at, by, fields.Nested("quality", Quality)),
            "lose_transport" => new SessionCommand.LoseTransport(at, by, fields.UInt64("transportId"), fields.Maybe("fenced", OwnerOf)),
            "release" => new SessionCommand.Release(at, by),
            "supersede" => new SessionCommand.Supersede(at, by, fields.Maybe("fenced", OwnerOf), fields.Parsed<SessionId>("successor", SessionId.TryParse)),
            "terminate" => new SessionCommand.Terminate(at, by, fields.Maybe("fenced", OwnerOf), fields.Parsed<ReasonCode>("reason", ReasonCodes.TryParse)),
            "tick" => new SessionCommand.Tick(at, by, fields.Maybe("fenced", OwnerOf)),
            _ => fields.Bad<SessionCommand>("command", new SessionCommand.Release(at, by)),
        };
    }

    private static AddressSet Addresses(JsonFields fields)
    {
        ImmutableArray<IpPrefix> prefixes = fields.ListOf<IpPrefix>("addresses", SessionLimits.MaxAddresses, IpPrefix.TryParse);
        return AddressSet.TryCreate(prefixes, out AddressSet addresses) ? addresses : AddressSet.Empty;
    }

    private static Binding BindingOf(JsonFields fields) => new(
        fields.Enum<ReattachKind>("kind"), fields.UInt64("nonce"), fields.UInt32("keyEpoch"), fields.Nested("transport", Transport),
        fields.Parsed<InstanceId>("instance", InstanceId.TryParse), fields.Enum<SessionState>("state"), fields.Nested("budgets", Budgets));

    private static TransportBinding Transport(JsonFields fields) => new(
        fields.UInt64("id"), fields.Text("node"), fields.Parsed<Endpoint>("remote", Endpoint.TryParse), fields.Parsed<Endpoint>("local", AnyEndpoint),
        Path(fields), fields.Instant("boundAt"));

    private static TransportCandidate Candidate(JsonFields fields) => new(
        fields.Parsed<Endpoint>("remote", Endpoint.TryParse), fields.Parsed<Endpoint>("local", AnyEndpoint), Path(fields));

    private static ReattachRequest Request(JsonFields fields) => new(
        fields.Enum<ReattachKind>("kind"), fields.UInt64("nonce"), fields.UInt64("bindingVersion"), fields.Nested("transport", Candidate),
        fields.Parsed<InstanceId>("instance", InstanceId.TryParse));

    private static QualityReport Quality(JsonFields fields) => new(
        fields.Int32("lossPpm"), fields.Int64("rttMicros"), fields.Instant("belowFloorSince"), fields.Instant("aboveCeilingSince"));

    private static SwitchBudgets Budgets(JsonFields fields) =>
        new(new TokenBucket(fields.Instant("quality")), new TokenBucket(fields.Instant("recovery")));

    private static Owner OwnerOf(JsonFields fields) => new(fields.Text("node"), fields.Parsed<IncarnationId>("incarnation", IncarnationId.TryParse));

    private static PathId Path(JsonFields fields) => new(fields.UInt32("path"));

    private static bool AnyText(ReadOnlySpan<char> text, out string value)
    {
        value = text.ToString();
        return true;
    }

    /// <summary>The gateway's own address may be unspecified, and then its port may be 0.</summary>
    private static bool AnyEndpoint(ReadOnlySpan<char> text, out Endpoint endpoint)
    {
        if (Endpoint.TryParseIPv4(text, out endpoint)) return true;
        if (!System.Net.IPEndPoint.TryParse(text, out System.Net.IPEndPoint? parsed)) return false;
        endpoint = Endpoint.From(parsed);
        return true;
    }
}
