using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>
/// Writes the program by which the kernel passes or drops datagrams by their source and the session that they name (linux/filter.h; the kernel
/// gives a UDP socket's program the datagram from the UDP header on). Data packets and everything else are judged apart. A tree of comparisons
/// leads from a hash to one of many 32-bit words, whose bit decides; what finds none passes by chance. IPv4 and IPv6.
/// </summary>
internal sealed class ShieldProgram
{
    private const int WordBits = 5;
    private const int MaxJump = byte.MaxValue;
    private const uint NetworkHeader = unchecked((uint)-0x100000);
    private const uint Random = unchecked((uint)-0x1000 + 56);
    private const uint Payload = 8;
    private const uint Session = Payload + Prepare.SessionOffset;

    private readonly ulong[] _program = new ulong[SocketFilter.MaxLength];
    private int _length;

    /// <summary>
    /// Writes the program; it is valid until the next call. There is room for one set of <see cref="ShieldBits.MaxBits"/> and one of 12, or for two
    /// of 14 and one of 12.
    /// </summary>
    /// <param name="data">For data packets; null if all pass.</param>
    /// <param name="dataShift">Of data packets that find no bit one in two to that power passes, 0 to 31.</param>
    /// <param name="control">For all others; null if all pass.</param>
    /// <param name="controlShift">Likewise.</param>
    /// <param name="sessions">Of all others those that name one of these pass as well, whatever their source; null for none.</param>
    public ReadOnlySpan<ulong> Write(ShieldBits? data, int dataShift, ShieldBits? control, int controlShift, ShieldBits? sessions = null)
    {
        _length = 0;
        Emit(Op.LoadByte, Payload);
        Emit(Op.JumpIfEqual, PacketHeader.Type, whenFalse: 1);
        int toData = Jump();
        Judge(control, sessions, controlShift);
        Land(toData);
        Judge(data, null, dataShift);
        return _program.AsSpan(0, _length);
    }

    private void Judge(ShieldBits? bits, ShieldBits? others, int shift)
    {
        if (bits is not null)
        {
            PassIfSet(bits);
            if (others is not null)
            {
                // What is too long is refused before anybody looks whom it names.
                Emit(Op.LoadLength);
                Emit(Op.JumpIfGreater, Payload + PacketHeader.MaxControlDatagram, whenFalse: 1);
                int toChance = Jump();
                PassIfSet(others);
                Land(toChance);
            }

            Emit(Op.Load, Random);
            Emit(Op.JumpIfGreater, uint.MaxValue >> shift, whenFalse: 1);
            Emit(Op.Return);
        }

        Emit(Op.Return, uint.MaxValue);
    }

    private void PassIfSet(ShieldBits bits)
    {
        Hash(bits.Hash);
        // The bit's place in its word into X, the word's number into A.
        Emit(Op.ShiftRight, (uint)(32 - bits.Bits));
        Emit(Op.Store);
        Emit(Op.And, 31);
        Emit(Op.ToX);
        Emit(Op.LoadMemory);
        Emit(Op.ShiftRight, WordBits);
        Tree(bits.Words, 0, _length + TreeLength(bits.Words.Length));
        Emit(Op.ShiftRightX);
        Emit(Op.JumpIfSet, 1, whenFalse: 1);
        Emit(Op.Return, uint.MaxValue);
    }

    /// <summary>A = what <see cref="ShieldHash"/> makes of the datagram. One that is too short to name a session is dropped.</summary>
    private void Hash(ShieldHash hash)
    {
        if (hash.Key == ShieldKey.Session) SumSession(hash);
        else SumSource(hash);
        Emit(Op.ToX);
        Emit(Op.ShiftRight, 16);
        Emit(Op.XorX);
        Emit(Op.Multiply, hash.Last);
    }

    private void SumSession(ShieldHash hash)
    {
        for (int word = 0; word < 4; word++) Add(Op.Load, Session + sizeof(uint) * (uint)word, hash.Word(word), isFirst: word == 0);
    }

    private void SumSource(ShieldHash hash)
    {
        Emit(Op.LoadByte, NetworkHeader);
        Emit(Op.ShiftRight, 4);
        Emit(Op.JumpIfEqual, 6, whenTrue: 1);
        int toIPv4 = Jump();
        Add(Op.Load, NetworkHeader + 8, hash.Word(0), isFirst: true);
        Add(Op.Load, NetworkHeader + 12, hash.Word(1));
        if (hash.Key == ShieldKey.Source)
        {
            Add(Op.Load, NetworkHeader + 16, hash.Word(2));
            Add(Op.Load, NetworkHeader + 20, hash.Word(3));
            Add(Op.LoadHalf, 0, hash.Port);
        }

        int toEnd = Jump();
        Land(toIPv4);
        Add(Op.Load, NetworkHeader + 12, hash.Word(3), isFirst: true);
        Add(Op.LoadHalf, 0, hash.Port);
        Land(toEnd);
    }

    /// <summary>A = A + multiplier * what is at a place of the datagram.</summary>
    private void Add(Op load, uint place, uint multiplier, bool isFirst = false)
    {
        if (!isFirst) Emit(Op.Store);
        Emit(load, place);
        Emit(Op.Multiply, multiplier);
        if (isFirst) return;
        Emit(Op.LoadXMemory);
        Emit(Op.AddX);
    }

    /// <summary>Two instructions for each word, and one or two for each comparison.</summary>
    private static int TreeLength(int words)
    {
        if (words == 1) return 2;
        int half = TreeLength(words / 2);
        return 2 * half + (half > MaxJump ? 2 : 1);
    }

    private void Tree(ReadOnlySpan<uint> words, int first, int end)
    {
        if (words.Length == 1)
        {
            Emit(Op.LoadConstant, words[0]);
            Emit(Op.Jump, (uint)(end - _length - 1));
            return;
        }

        int half = words.Length / 2, left = TreeLength(half);
        if (left > MaxJump)
        {
            Emit(Op.JumpIfAtLeast, (uint)(first + half), whenFalse: 1);
            Emit(Op.Jump, (uint)left);
        }
        else
        {
            Emit(Op.JumpIfAtLeast, (uint)(first + half), whenTrue: left);
        }

        Tree(words[..half], first, end);
        Tree(words[half..], first + half, end);
    }

    /// <summary>A jump to where <see cref="Land"/> will be said.</summary>
    private int Jump()
    {
        Emit(Op.Jump);
        return _length - 1;
    }

    private void Land(int jump) => _program[jump] |= (ulong)(uint)(_length - jump - 1) << 32;

    private void Emit(Op code, uint operand = 0, int whenTrue = 0, int whenFalse = 0) =>
        _program[_length++] = (ulong)code | (ulong)(byte)whenTrue << 16 | (ulong)(byte)whenFalse << 24 | (ulong)operand << 32;

    /// <summary>Class, size, mode and source in one (linux/bpf_common.h). A is the accumulator, X the index register, Store and LoadMemory mean one word of memory.</summary>
    private enum Op : ushort
    {
        LoadConstant = 0x00,
        Load = 0x20,
        LoadHalf = 0x28,
        LoadByte = 0x30,
        LoadLength = 0x80,
        LoadMemory = 0x60,
        LoadXMemory = 0x61,
        Store = 0x02,
        AddX = 0x0c,
        Multiply = 0x24,
        And = 0x54,
        ShiftRight = 0x74,
        ShiftRightX = 0x7c,
        XorX = 0xac,
        Jump = 0x05,
        JumpIfEqual = 0x15,
        JumpIfGreater = 0x25,
        JumpIfAtLeast = 0x35,
        JumpIfSet = 0x45,
        Return = 0x06,
        ToX = 0x07,
    }
}
