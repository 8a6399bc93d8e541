using System.Buffers.Binary;
using System.Security.Cryptography;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Audit;

/// <summary>What a frame holds.</summary>
internal enum FrameKind : byte
{
    /// <summary>Lines; more frames follow.</summary>
    Lines = 0,

    /// <summary>The seal, with which a part ends.</summary>
    Seal = 1,

    /// <summary>At the beginning of a joined file: which parts follow.</summary>
    Parts = 2,
}

/// <summary>
/// The container's layout. A file is a sequence of frames, each a whole gzip member (RFC 1952), so that `zcat` shows the lines. Its
/// extra field carries the frame's kind and sizes and a link: SHA-256 over the link before it and every other byte of the frame that
/// could differ. So no byte of a file can change, go or move unseen, whatever a decompressor would make of it; and a file that ends before a
/// seal is known to be cut off. The idea of sized gzip members is that of BGZF (SAM specification, 4.1).
/// </summary>
internal static class FrameFormat
{
    /// <summary>The layout's version, in every frame. Readers refuse a higher one.</summary>
    public const byte Version = 1;

    /// <summary>The largest content, in bytes: what a reader must be able to hold.</summary>
    public const int MaxContent = 1 << 20;

    /// <summary>The largest frame: incompressible content grows by 5 bytes in 16 KiB and some more.</summary>
    public const int MaxFrame = MaxContent + 4096;

    /// <summary>Content at which a writer closes a frame, in bytes: a compromise of compression and a reader's memory.</summary>
    public const int WantedContent = 256 * 1024;

    /// <summary>Length of what stands before the deflated content: gzip's fixed ten bytes, and the extra field.</summary>
    public const int HeadSize = LinkOffset + Hash256.Size;

    /// <summary>Length of CRC-32 and size behind the deflated content.</summary>
    public const int TailSize = 8;

    public const int LinkOffset = KindOffset + 1 + 4 + 4;

    private const int VersionOffset = 16;
    private const int KindOffset = 17;
    private const int SizeOffset = 18;
    private const int ContentOffset = 22;

    /// <summary>gzip's magic, deflate, an extra field and nothing else, no time, no hint, system unknown; its length; the subfield JV and its length.</summary>
    public static ReadOnlySpan<byte> Prefix => [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 46, 0, (byte)'J', (byte)'V', 42, 0];

    private static ReadOnlySpan<byte> Label => "jumping-vpn incident 1\0"u8;

    /// <summary>What the first frame of a part links to.</summary>
    public static Hash256 Start { get; } = Digest(Label);

    /// <summary>Writes the head of a frame of <paramref name="size"/> bytes, but for its link.</summary>
    public static void WriteHead(Span<byte> frame, FrameKind kind, int size, int content)
    {
        Prefix.CopyTo(frame);
        frame[VersionOffset] = Version;
        frame[KindOffset] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(frame[SizeOffset..], size);
        BinaryPrimitives.WriteInt32LittleEndian(frame[ContentOffset..], content);
    }

    /// <summary>What is wrong with a head, or null.</summary>
    public static string? ReadHead(ReadOnlySpan<byte> head, out FrameKind kind, out int size, out int content)
    {
        kind = (FrameKind)head[KindOffset];
        size = BinaryPrimitives.ReadInt32LittleEndian(head[SizeOffset..]);
        content = BinaryPrimitives.ReadInt32LittleEndian(head[ContentOffset..]);
        if (!head.StartsWith(Prefix)) return "is no incident file";
        if (head[VersionOffset] > Version) return $"was written by a newer version (format {head[VersionOffset]}; this one knows {Version})";
        if (head[VersionOffset] != Version) return $"has an unknown format ({head[VersionOffset]})";
        return kind > FrameKind.Parts || size is <= HeadSize + TailSize or > MaxFrame || content is < 1 or > MaxContent ? "is damaged: a frame's head is not valid" : null;
    }

    /// <summary>The link of a whole frame that follows <paramref name="previous"/>; the frame's own link field takes no part.</summary>
    public static Hash256 Link(Hash256 previous, ReadOnlySpan<byte> frame)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[Hash256.Size];
        previous.Write(bytes);
        hash.AppendData(bytes);
        hash.AppendData(frame[..LinkOffset]);
        hash.AppendData(frame[HeadSize..]);
        hash.GetHashAndReset(bytes);
        return Hash256.Read(bytes);
    }

    private static Hash256 Digest(ReadOnlySpan<byte> bytes)
    {
        Span<byte> digest = stackalloc byte[Hash256.Size];
        SHA256.HashData(bytes, digest);
        return Hash256.Read(digest);
    }
}
