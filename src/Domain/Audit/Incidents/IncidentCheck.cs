using System.Collections.Immutable;
using System.Text;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>
/// Checks an incident line by line, in memory that does not grow with it (REQ-AUDIT-2): the chain of hashes, every signature, that no
/// version is missing without being said, the invariants at every version, and that each event is what its stored cause leads to, to the
/// byte. Total: any lines give a fault or a summary. It stops at the first fault. For one thread.
/// </summary>
/// <param name="verifier">Ed25519.</param>
/// <param name="trusted">The keys to trust; null to check signatures against the keys that the incident itself names.</param>
public sealed class IncidentCheck(IAuditVerifier verifier, TrustedKeys? trusted)
{
    /// <summary>Keys and policies of one part at most.</summary>
    private const int MaxListed = 1024;

    /// <summary>Gaps that a summary names.</summary>
    private const int MaxGaps = 256;

    private readonly Dictionary<(string Node, AuditKey Key), long> _used = [];
    private readonly HashSet<(string Node, AuditKey Key)> _listed = [];
    private readonly ImmutableArray<IncidentRecord.Gap>.Builder _gaps = ImmutableArray.CreateBuilder<IncidentRecord.Gap>();
    private readonly HistoryWindow _history = new();
    private SessionId? _session;
    private IncidentRecord.Header? _header;
    private StreamCheck? _stream;
    private int _parts;
    private long _lines, _events, _snapshots, _evidence, _lastVersion;

    /// <summary>The first thing that does not hold; null so far.</summary>
    public IncidentFault? Fault { get; private set; }

    /// <summary>True if the fault is that a line cannot be read at all.</summary>
    public bool IsUnreadable { get; private set; }

    /// <summary>Takes the next line, without its end. False once there is a fault.</summary>
    /// <param name="digest">The container's chain hash before the frame that the line stands in: what the seal signs.</param>
    public bool Take(ReadOnlySpan<byte> line, Hash256 digest)
    {
        if (Fault is not null) return false;
        if (_stream is not null && IncidentJson.IsEvent(line))
        {
            _lines++;
            return Note(_stream.Take(line));
        }
        string text;
        try
        {
            text = new UTF8Encoding(false, true).GetString(line);
        }
        catch (DecoderFallbackException)
        {
            return Unreadable("a line is no UTF-8");
        }
        return IncidentJson.Read(text).Match(Right: record => Take(record, digest), Left: Unreadable);
    }

    /// <summary>The file is at its end.</summary>
    public IncidentSummary? Finish()
    {
        if (Fault is not null) return null;
        if (_header is not null) Fault = new(0, "the last part has no seal");
        else if (_parts == 0 || _session is null) Fault = new(0, "there is nothing to check");
        if (Fault is not null) return null;
        return new(_session!.Value, _parts, _events, _lastVersion, _snapshots, _evidence,
            [
                .. _used.OrderBy(static used => used.Key.Node, StringComparer.Ordinal).ThenBy(static used => used.Key.Key)
                    .Select(used => new UsedKey(used.Key.Node, used.Key.Key, used.Value, trusted?.Has(used.Key.Node, used.Key.Key) ?? false)),
            ],
            _gaps.ToImmutable());
    }

    private bool Take(IncidentRecord record, Hash256 digest)
    {
        if (record is IncidentRecord.Header header) return Begin(header);
        if (_header is null || _stream is null) return Fail(0, "a part does not begin with a header");
        if (record is IncidentRecord.Seal seal) return End(seal, digest);
        _lines++;
        switch (record)
        {
            case IncidentRecord.Policy policy:
                return Note(_stream.PolicyCount < MaxListed ? _stream.Add(policy) : new(0, "the part names too many policies"));
            case IncidentRecord.NodeKey key:
                if (_listed.Count >= MaxListed) return Fail(0, "the part names too many keys");
                _listed.Add((key.Node, key.Key));
                return true;
            case IncidentRecord.Signed signed:
                return Note(_stream.Take(signed.Head)) && Check(signed.Head);
            case IncidentRecord.Gap gap:
                if (_gaps.Count < MaxGaps) _gaps.Add(gap);
                return Note(_stream.Take(gap));
            case IncidentRecord.Observed observed:
                _evidence++;
                return observed.Evidence.About is not { } about || about == _header.Session
                    || Fail(0, $"evidence about session {about} stands in a file about session {_header.Session}");
            default:
                return Fail(0, "a record stands where it cannot");
        }
    }

    private bool Begin(IncidentRecord.Header header)
    {
        if (_header is not null) return Fail(0, "a header stands inside of a part");
        if (_session is { } session && session != header.Session) return Fail(0, $"one part is about session {session}, another about {header.Session}");
        (_session, _header, _lines) = (header.Session, header, 1);
        _listed.Clear();
        _stream = new StreamCheck(header.Session, _history);
        return true;
    }

    private bool End(IncidentRecord.Seal seal, Hash256 digest)
    {
        IncidentRecord.Header header = _header!;
        if (!Note(_stream!.Finish())) return false;
        if (header.Role == IncidentRole.Gateway && _stream.Events + _stream.Snapshots == 0) return Fail(0, "a gateway's part holds no event");
        if (seal.Lines != _lines) return Fail(0, $"the seal is for {seal.Lines} lines, and {_lines} stand before it");
        if (seal.Digest != digest) return Fail(0, "the seal is for another content");
        if (!Uses(header.Node, seal.Key)) return false;
        if (!verifier.Verify(seal.Key, IncidentRecord.Seal.ToSigned(seal.Lines, seal.Digest), seal.Signature))
            return Fail(0, $"the seal's signature does not match {header.Node}'s key");
        _events += _stream.Events;
        _snapshots += _stream.Snapshots;
        _lastVersion = Math.Max(_lastVersion, _stream.LastVersion);
        (_header, _stream, _parts) = (null, null, _parts + 1);
        return true;
    }

    private bool Check(SignedHead head) =>
        Uses(head.Statement.Node, head.Key)
        && (head.Fault(verifier) is not { } fault || Fail(head.Leaf.Version, $"{head.Statement.Node}'s statement does not hold: {fault}"));

    /// <summary>A key that signs must be the one that is listed for its node, and trusted where the reader has said whom to trust.</summary>
    private bool Uses(string node, AuditKey key)
    {
        if (!_listed.Contains((node, key))) return Fail(0, $"{node} has signed with a key that is not listed as its own ({key.Fingerprint})");
        if (trusted is not null && !trusted.Has(node, key)) return Fail(0, $"{node}'s key is not among the trusted ones ({key.Fingerprint})");
        _used[(node, key)] = _used.GetValueOrDefault((node, key)) + 1;
        return true;
    }

    private bool Note(IncidentFault? fault)
    {
        Fault ??= fault;
        return Fault is null;
    }

    private bool Fail(long version, string problem) => Note(new(version, problem));

    private bool Unreadable(string problem)
    {
        IsUnreadable = true;
        return Fail(0, problem);
    }
}
