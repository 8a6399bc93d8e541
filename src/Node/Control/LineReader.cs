namespace JumpingVpn.Node.Control;

/// <summary>Cuts a stream into lines of at most <paramref name="max"/> bytes, line feed included.</summary>
internal sealed class LineReader(Stream stream, int max)
{
    private byte[] buffer = new byte[Math.Min(max, 4096)];
    private int start;
    private int end;

    /// <summary>True once a line was longer than allowed; nothing more is read then.</summary>
    public bool TooLong { get; private set; }

    /// <summary>The next line without its line feed, valid until the next call; More is false at the end of the stream.</summary>
    public async ValueTask<(bool More, ReadOnlyMemory<byte> Line)> ReadAsync(CancellationToken cancellation)
    {
        int searched = start;
        while (true)
        {
            int feed = buffer.AsSpan(searched, end - searched).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                var line = buffer.AsMemory(start, searched + feed - start);
                start = searched + feed + 1;
                return (true, line);
            }
            searched = end;
            if (end - start >= max)
            {
                TooLong = true;
                return (false, default);
            }
            if (end == buffer.Length)
            {
                // Either what was read leaves room at the front, or the line needs more.
                byte[] target = start > 0 ? buffer : new byte[Math.Min(max, buffer.Length * 2)];
                buffer.AsSpan(start, end - start).CopyTo(target);
                searched -= start;
                end -= start;
                start = 0;
                buffer = target;
            }
            int read = await stream.ReadAsync(buffer.AsMemory(end), cancellation).ConfigureAwait(false);
            if (read == 0) return (false, default);
            end += read;
        }
    }
}
