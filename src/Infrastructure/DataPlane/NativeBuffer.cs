using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>Page-aligned memory outside the managed heap: the garbage collector neither moves nor sees it. Zeroed when freed.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private byte* _start;

    public NativeBuffer(int size)
    {
        Size = size;
        _start = (byte*)NativeMemory.AlignedAlloc((nuint)size, (nuint)Environment.SystemPageSize);
    }

    public int Size { get; }

    public byte* Start => _start;

    public void Dispose()
    {
        if (_start == null) return;
        NativeMemory.Clear(_start, (nuint)Size);
        NativeMemory.AlignedFree(_start);
        _start = null;
    }
}
