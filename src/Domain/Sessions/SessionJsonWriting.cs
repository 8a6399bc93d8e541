using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Audit;
using JumpingVpn.Domain.Primitives;
using LanguageExt;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// STORAGE FORMAT: the members' names and spellings, in canonical order. Straight into bytes: replay writes every event and command anew to
/// compare them with what is stored. See <see cref="SessionJson"/>.
/// </summary>
internal static class SessionJsonWriting
{
    public static void Session(CanonicalBuffer output, Session session)
    {
        Addresses(output.Raw("{\"addresses\":"u8), session.Addresses);
        output.Raw(",\"bindingVersion\":"u8).UInt64(session.BindingVersion).Raw(",\"budgets\":"u8);
        Budgets(output, session.Budgets);
        Key(output.Raw(",\"client\":"u8), session.Client);
        Name(output.Raw(",\"clientName\":"u8), session.ClientName);
        At(output.Raw(",\"establishedAt\":"u8), session.EstablishedAt);
        At(output.Raw(",\"expiresAt\":"u8), session.ExpiresAt);
        Id(output.Raw(",\"id\":"u8), session.Id);
        Instance(output.Raw(",\"instance\":"u8), session.Instance);
        output.Raw(",\"keyEpoch\":"u8).Number(session.KeyEpoch);
        At(output.Raw(",\"lastBoundAt\":"u8), session.LastBoundAt);
        At(output.Raw(",\"lastKeyedAt\":"u8), session.LastKeyedAt);
        output.Raw(",\"lastNonce\":"u8).UInt64(session.LastNonce).Raw(",\"lastReason\":"u8).Text(session.LastReason.Name()).Raw(",\"owner\":"u8);
        MaybeOwner(output, session.Owner);
        output.Raw(",\"ownershipEpoch\":"u8).UInt64(session.OwnershipEpoch);
        Hash(output.Raw(",\"policyHash\":"u8), session.PolicyHash);
        At(output.Raw(",\"recoveryDeadline\":"u8), session.RecoveryDeadline);
        output.Raw(",\"state\":"u8).Text(session.State.ToString());
        At(output.Raw(",\"stateSince\":"u8), session.StateSince);
        output.Raw(",\"switches\":"u8).UInt64(session.Switches).Raw(",\"transport\":"u8);
        if (session.Transport.IsNone) output.Raw("null"u8);
        foreach (TransportBinding transport in session.Transport) Transport(output, transport);
        At(output.Raw(",\"updatedAt\":"u8), session.UpdatedAt);
        output.Raw(",\"version\":"u8).UInt64(session.Version).Raw("}"u8);
    }

    public static void Event(CanonicalBuffer output, SessionEvent happened)
    {
        if (happened is SessionEvent.Established established)
        {
            Addresses(output.Raw("{\"addresses\":"u8), established.Addresses);
            At(output.Raw(",\"at\":"u8), happened.At);
        }
        else
        {
            At(output.Raw("{\"at\":"u8), happened.At);
        }
        switch (happened)
        {
            case SessionEvent.Established e:
                Key(output.Raw(",\"client\":"u8), e.Client);
                Name(output.Raw(",\"clientName\":"u8), e.ClientName);
                At(output.Raw(",\"expiresAt\":"u8), e.ExpiresAt);
                Id(output.Raw(",\"id\":"u8), e.Id);
                Instance(output.Raw(",\"instance\":"u8), e.Instance);
                OwnerOf(output.Raw(",\"owner\":"u8), e.Owner);
                Hash(output.Raw(",\"policyHash\":"u8), e.PolicyHash);
                Transport(output.Raw(",\"transport\":"u8), e.Transport);
                break;
            case SessionEvent.BecameVolatile e:
                Quality(output.Raw(",\"quality\":"u8), e.Quality);
                break;
            case SessionEvent.StabilityRestored e:
                Quality(output.Raw(",\"quality\":"u8), e.Quality);
                break;
            case SessionEvent.EnteredDegraded:
                break;
            case SessionEvent.TransportLost e:
                At(output.Raw(",\"recoveryDeadline\":"u8), e.RecoveryDeadline);
                output.Raw(",\"transportId\":"u8).UInt64(e.TransportId);
                break;
            case SessionEvent.TransportSwitched e:
                BindingOf(output.Raw(",\"binding\":"u8), e.Binding);
                break;
            case SessionEvent.KeysRotated e:
                output.Raw(",\"keyEpoch\":"u8).Number(e.KeyEpoch).Raw(",\"nonce\":"u8).UInt64(e.Nonce);
                break;
            case SessionEvent.OwnershipReleased e:
                OwnerOf(output.Raw(",\"previous\":"u8), e.Previous);
                At(output.Raw(",\"recoveryDeadline\":"u8), e.RecoveryDeadline);
                break;
            case SessionEvent.OwnershipClaimed e:
                BindingOf(output.Raw(",\"binding\":"u8), e.Binding);
                MaybeOwner(output.Raw(",\"fenced\":"u8), e.Fenced);
                OwnerOf(output.Raw(",\"owner\":"u8), e.Owner);
                output.Raw(",\"ownershipEpoch\":"u8).UInt64(e.OwnershipEpoch);
                break;
            case SessionEvent.Terminated e:
                output.Raw(",\"cause\":"u8).Text(e.Cause.Name()).Raw(",\"successor\":"u8);
                if (e.Successor.IsNone) output.Raw("null"u8);
                foreach (SessionId successor in e.Successor) Id(output, successor);
                break;
            default:
                throw new InvalidOperationException("an event that is none of the known ones");
        }
        output.Raw(",\"version\":"u8).UInt64(happened.Version).Raw("}"u8);
    }

    public static void Command(CanonicalBuffer output, SessionCommand command)
    {
        if (command is SessionCommand.Establish first)
        {
            Addresses(output.Raw("{\"addresses\":"u8), first.Addresses);
            At(output.Raw(",\"at\":"u8), command.At);
        }
        else
        {
            At(output.Raw("{\"at\":"u8), command.At);
        }
        OwnerOf(output.Raw(",\"by\":"u8), command.By);
        switch (command)
        {
            case SessionCommand.Establish c:
                Key(output.Raw(",\"client\":"u8), c.Client);
                Name(output.Raw(",\"clientName\":"u8), c.ClientName);
                Instance(output.Raw(",\"command\":\"establish\",\"instance\":"u8), c.Instance);
                Hash(output.Raw(",\"policyHash\":"u8), c.PolicyHash);
                Candidate(output.Raw(",\"transport\":"u8), c.Transport);
                break;
            case SessionCommand.Reattach c:
                Request(output.Raw(",\"command\":\"reattach\",\"request\":"u8), c.Request);
                break;
            case SessionCommand.Claim c:
                MaybeOwner(output.Raw(",\"command\":\"claim\",\"fenced\":"u8), c.Fenced);
                Request(output.Raw(",\"request\":"u8), c.Request);
                break;
            case SessionCommand.ReportQuality c:
                Quality(output.Raw(",\"command\":\"report_quality\",\"quality\":"u8), c.Quality);
                break;
            case SessionCommand.LoseTransport c:
                MaybeOwner(output.Raw(",\"command\":\"lose_transport\",\"fenced\":"u8), c.Fenced);
                output.Raw(",\"transportId\":"u8).UInt64(c.TransportId);
                break;
            case SessionCommand.Release:
                output.Raw(",\"command\":\"release\""u8);
                break;
            case SessionCommand.Supersede c:
                MaybeOwner(output.Raw(",\"command\":\"supersede\",\"fenced\":"u8), c.Fenced);
                Id(output.Raw(",\"successor\":"u8), c.Successor);
                break;
            case SessionCommand.Terminate c:
                MaybeOwner(output.Raw(",\"command\":\"terminate\",\"fenced\":"u8), c.Fenced);
                output.Raw(",\"reason\":"u8).Text(c.Reason.Name());
                break;
            case SessionCommand.Tick c:
                MaybeOwner(output.Raw(",\"command\":\"tick\",\"fenced\":"u8), c.Fenced);
                break;
            default:
                throw new InvalidOperationException("a command that is none of the known ones");
        }
        output.Raw("}"u8);
    }

    private static void BindingOf(CanonicalBuffer output, Binding binding)
    {
        Budgets(output.Raw("{\"budgets\":"u8), binding.Budgets);
        Instance(output.Raw(",\"instance\":"u8), binding.Instance);
        output.Raw(",\"keyEpoch\":"u8).Number(binding.KeyEpoch).Raw(",\"kind\":"u8).Text(binding.Kind.ToString()).Raw(",\"nonce\":"u8).UInt64(binding.Nonce);
        output.Raw(",\"state\":"u8).Text(binding.State.ToString());
        Transport(output.Raw(",\"transport\":"u8), binding.Transport);
        output.Raw("}"u8);
    }

    private static void Transport(CanonicalBuffer output, TransportBinding transport)
    {
        At(output.Raw("{\"boundAt\":"u8), transport.BoundAt);
        output.Raw(",\"id\":"u8).UInt64(transport.Id).Raw(",\"local\":"u8).Endpoint(transport.Local).Raw(",\"node\":"u8).Text(transport.Node);
        output.Raw(",\"path\":"u8).Number(transport.Path.Value).Raw(",\"remote\":"u8).Endpoint(transport.Remote).Raw("}"u8);
    }

    private static void Candidate(CanonicalBuffer output, TransportCandidate candidate) =>
        output.Raw("{\"local\":"u8).Endpoint(candidate.Local).Raw(",\"path\":"u8).Number(candidate.Path.Value).Raw(",\"remote\":"u8).Endpoint(candidate.Remote).Raw("}"u8);

    private static void Request(CanonicalBuffer output, ReattachRequest request)
    {
        output.Raw("{\"bindingVersion\":"u8).UInt64(request.ExpectedBindingVersion);
        Instance(output.Raw(",\"instance\":"u8), request.Instance);
        output.Raw(",\"kind\":"u8).Text(request.Kind.ToString()).Raw(",\"nonce\":"u8).UInt64(request.Nonce);
        Candidate(output.Raw(",\"transport\":"u8), request.Transport);
        output.Raw("}"u8);
    }

    private static void Quality(CanonicalBuffer output, QualityReport quality)
    {
        At(output.Raw("{\"aboveCeilingSince\":"u8), quality.AboveCeilingSince);
        At(output.Raw(",\"belowFloorSince\":"u8), quality.BelowFloorSince);
        output.Raw(",\"lossPpm\":"u8).Number(quality.LossPpm).Raw(",\"rttMicros\":"u8).Int64(quality.RttMicros).Raw("}"u8);
    }

    private static void Budgets(CanonicalBuffer output, SwitchBudgets budgets)
    {
        Bucket(output.Raw("{\"quality\":"u8), budgets.Quality);
        Bucket(output.Raw(",\"recovery\":"u8), budgets.Recovery);
        output.Raw("}"u8);
    }

    private static void Bucket(CanonicalBuffer output, TokenBucket bucket) => At(output, bucket.FullAt);

    private static void OwnerOf(CanonicalBuffer output, Owner owner)
    {
        Span<byte> incarnation = stackalloc byte[IncarnationId.Size];
        owner.Incarnation.Write(incarnation);
        output.Raw("{\"incarnation\":"u8).Hex(incarnation).Raw(",\"node\":"u8).Text(owner.Node).Raw("}"u8);
    }

    private static void MaybeOwner(CanonicalBuffer output, Option<Owner> maybe)
    {
        if (maybe.IsNone) output.Raw("null"u8);
        foreach (Owner owner in maybe) OwnerOf(output, owner);
    }

    private static void Addresses(CanonicalBuffer output, AddressSet addresses)
    {
        output.Raw("["u8);
        for (int i = 0; i < addresses.Count; i++)
        {
            if (i > 0) output.Raw(","u8);
            output.Text(addresses[i].ToString());
        }
        output.Raw("]"u8);
    }

    private static void Name(CanonicalBuffer output, Option<string> maybe)
    {
        if (maybe.IsNone) output.Raw("null"u8);
        foreach (string name in maybe) output.Text(name);
    }

    private static void At(CanonicalBuffer output, Instant instant) => output.Int64(instant.Ticks);

    private static void Id(CanonicalBuffer output, SessionId id)
    {
        Span<byte> bytes = stackalloc byte[SessionId.Size];
        id.Write(bytes);
        output.Hex(bytes);
    }

    private static void Instance(CanonicalBuffer output, InstanceId instance)
    {
        Span<byte> bytes = stackalloc byte[InstanceId.Size];
        instance.Write(bytes);
        output.Hex(bytes);
    }

    private static void Hash(CanonicalBuffer output, Hash256 hash)
    {
        Span<byte> bytes = stackalloc byte[Hash256.Size];
        hash.Write(bytes);
        output.Hex(bytes);
    }

    private static void Key(CanonicalBuffer output, PublicKey key) => output.Text(key.ToString());
}
