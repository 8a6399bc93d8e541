using System.Buffers.Binary;
using System.IO.Compression;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>
/// Reads frames (<see cref="FrameFormat"/>), one at a time, in memory that does not grow with the file. Total: any bytes give frames and then
/// an end or a fault in one line. For one thread; a file that cannot be read throws <see cref="IOException"/>.
/// </summary>
internal sealed class FrameReader(Stream input)
{
    private byte[] _frame = new byte[64 * 1024];
    private byte[] _content = new byte[FrameFormat.WantedContent];

    /// <summary>What is wrong with the file, or null: it goes behind the file's name. Nothing is read any more.</summary>
    public string? Fault { get; private set; }

    /// <summary>The link of the last frame.</summary>
    public Hash256 Link { get; private set; } = FrameFormat.Start;

    public FrameKind Kind { get; private set; }

    /// <summary>The lines of the last frame, each with its end. Valid until the next read.</summary>
    public ReadOnlySpan<byte> Content => _content.AsSpan(0, ContentSize);

    /// <summary>The last frame as it stands in the file.</summary>
    public ReadOnlySpan<byte> Frame => _frame.AsSpan(0, FrameSize);

    private int ContentSize { get; set; }

    private int FrameSize { get; set; }

    /// <summary>Where the next frame begins, in bytes.</summary>
    public long Position { get; private set; }

    /// <summary>Reads the next frame; false at the end of the file or with a fault.</summary>
    public bool Read()
    {
        if (Fault is not null) return false;
        int head = input.ReadAtLeast(_frame.AsSpan(0, FrameFormat.HeadSize), FrameFormat.HeadSize, throwOnEndOfStream: false);
        if (head == 0) return false;
        ReadOnlySpan<byte> prefix = FrameFormat.Prefix;
        int known = Math.Min(head, prefix.Length);
        if (!_frame.AsSpan(0, known).SequenceEqual(prefix[..known]))
            return Fail(Position == 0 ? "is no incident file" : "is damaged: no frame begins where one must");
        if (head < FrameFormat.HeadSize) return Fail("is cut off");
        if (FrameFormat.ReadHead(_frame, out FrameKind kind, out int size, out int content) is { } fault) return Fail(fault);
        if (_frame.Length < size) Array.Resize(ref _frame, size);
        if (_content.Length < content) _content = new byte[content];
        int rest = size - FrameFormat.HeadSize;
        if (input.ReadAtLeast(_frame.AsSpan(FrameFormat.HeadSize, rest), rest, throwOnEndOfStream: false) < rest) return Fail("is cut off");
        ReadOnlySpan<byte> frame = _frame.AsSpan(0, size);
        if (FrameFormat.Link(Link, frame) != Hash256.Read(frame[FrameFormat.LinkOffset..])) return Fail("is damaged: a frame does not match its hash");
        Link = Hash256.Read(frame[FrameFormat.LinkOffset..]);
        if (!TryInflate(size, content)) return Fail("is damaged: a frame cannot be decompressed");
        (Kind, FrameSize, ContentSize) = (kind, size, content);
        Position += size;
        return true;
    }

    /// <summary>The next frame is the first of a part.</summary>
    public void Restart() => Link = FrameFormat.Start;

    private bool Fail(string fault)
    {
        Fault = fault;
        return false;
    }

    /// <summary>Exactly as much content as the head says, and a line's end behind it.</summary>
    private bool TryInflate(int size, int content)
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(_frame.AsSpan(size - 4)) != content) return false;
        try
        {
            using var deflated = new MemoryStream(_frame, FrameFormat.HeadSize, size - FrameFormat.HeadSize - FrameFormat.TailSize, writable: false);
            using var inflate = new DeflateStream(deflated, CompressionMode.Decompress);
            return inflate.ReadAtLeast(_content.AsSpan(0, content), content, throwOnEndOfStream: false) == content
                && inflate.ReadByte() < 0 && _content[content - 1] == '\n';
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}
