using System.Buffers.Binary;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Mutation;

/// <summary>A field of a binary layout.</summary>
internal readonly record struct ByteField(int Offset, int Size);

/// <summary>Changes binary inputs: single bits and bytes, whole fields where the layout is known, pieces moved, doubled, cut and taken from others.</summary>
internal static class ByteMutation
{
    private static readonly ulong[] Interesting =
        [0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1_023, 1_500, 32_767, 32_768, 65_535, 65_536, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue];

    /// <summary>One to six changes.</summary>
    /// <param name="fields">The layout; may be empty.</param>
    /// <param name="others">Where pieces may come from.</param>
    public static byte[] Mutate(SimRandom random, byte[] original, ReadOnlySpan<ByteField> fields, IReadOnlyList<byte[]> others, bool keepsLength = false)
    {
        byte[] bytes = [.. original];
        for (int i = random.Chance(50) ? 1 : random.Between(2, 6); i > 0; i--) bytes = Change(random, bytes, fields, others, keepsLength);
        return bytes;
    }

    private static byte[] Change(SimRandom random, byte[] bytes, ReadOnlySpan<ByteField> fields, IReadOnlyList<byte[]> others, bool keepsLength)
    {
        if (bytes.Length == 0) return keepsLength ? bytes : [(byte)random.Below(256)];
        int kind = random.Below(keepsLength ? 10 : 16);
        if (kind < 5 && fields.Length > 0)
        {
            SetField(random, bytes, fields[random.Below(fields.Length)], others);
            return bytes;
        }
        int at = random.Below(bytes.Length), length = Math.Min(random.Between(1, 24), bytes.Length - at);
        switch (kind)
        {
            case < 3:
                bytes[at] ^= (byte)(1 << random.Below(8));
                return bytes;
            case 3:
                bytes[at] = (byte)Interesting[random.Below(14)];
                return bytes;
            case 4:
                bytes[at] += (byte)random.Pick([1, 255, 4, 252]);
                return bytes;
            case 5:
                SetNumber(random, bytes.AsSpan(at), random.Pick([2, 4, 8]), random.Pick(Interesting));
                return bytes;
            case 6:
                bytes.AsSpan(at, length).Fill((byte)random.Pick([0, 255, random.Below(256)]));
                return bytes;
            case 7:
                random.Fill(bytes.AsSpan(at, length));
                return bytes;
            case 8:
                bytes.AsSpan(random.Below(bytes.Length - length + 1), length).ToArray().CopyTo(bytes.AsSpan(at, length));
                return bytes;
            case 9:
                if (others.Count == 0) return bytes;
                byte[] other = random.Pick(others);
                int from = Math.Min(at, other.Length);
                other.AsSpan(from, Math.Min(length, other.Length - from)).CopyTo(bytes.AsSpan(at));
                return bytes;
            case 10:
                return bytes[..at];
            case 11:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 12:
                return [.. bytes[..(at + length)], .. bytes[at..]];
            case 13:
                return [.. bytes, .. new byte[random.Between(1, 64)]];
            case 14:
                if (others.Count == 0) return bytes;
                byte[] tail = random.Pick(others);
                return [.. bytes[..at], .. tail.AsSpan(Math.Min(at, tail.Length))];
            default:
                byte[] noise = new byte[random.Between(1, 16)];
                random.Fill(noise);
                return [.. bytes[..at], .. noise, .. bytes[at..]];
        }
    }

    private static void SetField(SimRandom random, byte[] bytes, ByteField field, IReadOnlyList<byte[]> others)
    {
        if (field.Offset + field.Size > bytes.Length) return;
        Span<byte> place = bytes.AsSpan(field.Offset, field.Size);
        switch (random.Below(6))
        {
            case 0:
                place.Clear();
                return;
            case 1:
                place.Fill(255);
                return;
            case 2:
                random.Fill(place);
                return;
            case 3 when others.Count > 0 && random.Pick(others) is { } other && other.Length >= field.Offset + field.Size:
                other.AsSpan(field.Offset, field.Size).CopyTo(place);
                return;
            case 4:
                place[random.Below(place.Length)] ^= (byte)(1 << random.Below(8));
                return;
            default:
                SetNumber(random, place, field.Size, random.Pick(Interesting));
                return;
        }
    }

    private static void SetNumber(SimRandom random, Span<byte> place, int size, ulong value)
    {
        if (place.Length < size) return;
        bool isLittle = random.Chance(70);
        Span<byte> number = stackalloc byte[8];
        if (isLittle) BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        else BinaryPrimitives.WriteUInt64BigEndian(number, value);
        size = Math.Min(size, 8);
        if (isLittle) number[..size].CopyTo(place);
        else number[(8 - size)..].CopyTo(place);
    }
}
