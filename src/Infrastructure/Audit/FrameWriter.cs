using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// Writes frames (<see cref="FrameFormat"/>). Deterministic: equal lines give equal bytes, on one version of the platform's compressor. For
/// one thread; what cannot be written throws <see cref="IOException"/>.
/// </summary>
internal sealed class FrameWriter(Stream output)
{
    private readonly ArrayBufferWriter<byte> _content = new(FrameFormat.WantedContent + 4096);

    /// <summary>The link of the last frame.</summary>
    public Hash256 Link { get; private set; } = FrameFormat.Start;

    /// <summary>Bytes of lines that no frame holds yet.</summary>
    public int Waiting => _content.WrittenCount;

    /// <summary>Adds a line; its end is added here. A full frame is written.</summary>
    public void Add(string line)
    {
        int size = Encoding.UTF8.GetByteCount(line) + 1;
        if (size > FrameFormat.MaxContent) throw new ArgumentException("a line does not fit a frame", nameof(line));
        if (_content.WrittenCount + size > FrameFormat.WantedContent) Flush(FrameKind.Lines);
        Span<byte> into = _content.GetSpan(size)[..size];
        Encoding.UTF8.GetBytes(line, into);
        into[^1] = (byte)'\n';
        _content.Advance(size);
    }

    /// <summary>Writes what waits as one frame, if anything does.</summary>
    public void Flush(FrameKind kind)
    {
        ReadOnlySpan<byte> content = _content.WrittenSpan;
        if (content.IsEmpty) return;
        using var whole = new MemoryStream(content.Length / 4);
        whole.SetLength(FrameFormat.HeadSize);
        whole.Position = FrameFormat.HeadSize;
        using (var deflate = new DeflateStream(whole, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(content);
        Span<byte> tail = stackalloc byte[FrameFormat.TailSize];
        BinaryPrimitives.WriteUInt32LittleEndian(tail, Crc32.Of(content));
        BinaryPrimitives.WriteInt32LittleEndian(tail[4..], content.Length);
        whole.Write(tail);
        Span<byte> frame = whole.GetBuffer().AsSpan(0, (int)whole.Length);
        FrameFormat.WriteHead(frame, kind, frame.Length, content.Length);
        Link = FrameFormat.Link(Link, frame);
        Link.Write(frame[FrameFormat.LinkOffset..]);
        output.Write(frame);
        _content.ResetWrittenCount();
    }

    /// <summary>Begins another part.</summary>
    public void Restart() => Link = FrameFormat.Start;
}
