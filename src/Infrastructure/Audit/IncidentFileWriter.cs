using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Ports;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// Writes one part of an incident file: a header, then anything, then the seal. For one thread; what cannot be written throws
/// <see cref="IOException"/>, and then the file is worth nothing.
/// </summary>
public sealed class IncidentFileWriter
{
    private readonly FrameWriter _frames;
    private long _lines;
    private bool _sealed;

    public IncidentFileWriter(Stream output, IncidentRecord.Header header)
    {
        _frames = new(output);
        Add(IncidentJson.Write(header));
    }

    public void Add(IncidentRecord record)
    {
        if (record is IncidentRecord.Header or IncidentRecord.Seal) throw new ArgumentException("a part has one header and one seal", nameof(record));
        Add(IncidentJson.Write(record));
    }

    /// <summary>Adds a line that <see cref="IncidentJson"/> has written before, such as a stored envelope.</summary>
    public void Add(string line)
    {
        if (_sealed) throw new InvalidOperationException("the part is sealed");
        _frames.Add(line);
        _lines++;
    }

    /// <summary>Signs all that was added, and ends the part.</summary>
    public void Seal(IAuditSigner signer)
    {
        _frames.Flush(FrameKind.Lines);
        var seal = new IncidentRecord.Seal(
            _lines, _frames.Link, signer.Key, signer.Sign(IncidentRecord.Seal.ToSigned(_lines, _frames.Link)));
        _sealed = true;
        _frames.Add(IncidentJson.Write(seal));
        _frames.Flush(FrameKind.Seal);
    }
}
