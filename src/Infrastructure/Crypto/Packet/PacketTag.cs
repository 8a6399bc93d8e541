using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>Tags of 16 bytes.</summary>
internal static unsafe class PacketTag
{
    /// <summary>Compares without a branch on any single byte.</summary>
    public static bool Equal(byte* left, byte* right)
    {
        ulong low = Unsafe.ReadUnaligned<ulong>(left) ^ Unsafe.ReadUnaligned<ulong>(right);
        ulong high = Unsafe.ReadUnaligned<ulong>(left + 8) ^ Unsafe.ReadUnaligned<ulong>(right + 8);
        return (low | high) == 0;
    }

    /// <summary>Nothing that a forger chose may be seen further up.</summary>
    public static bool Refuse(byte* plaintext, int length)
    {
        NativeMemory.Clear(plaintext, (nuint)length);
        return false;
    }
}
