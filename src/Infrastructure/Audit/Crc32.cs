namespace JumpingVpn.Infrastructure.Audit;

/// <summary>CRC-32 as gzip has it (RFC 1952, 8): what `zcat` checks. Our own reader relies on the links instead.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = Fill();

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes) crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[] Fill()
    {
        var table = new uint[256];
        for (uint n = 0; n < table.Length; n++)
        {
            uint c = n;
            for (int bit = 0; bit < 8; bit++) c = (c & 1) != 0 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1;
            table[n] = c;
        }
        return table;
    }
}
