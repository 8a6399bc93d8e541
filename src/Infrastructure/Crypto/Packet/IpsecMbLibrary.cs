using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// Intel's multi-buffer library, for its AES-256-GCM over 512-bit VAES, which neither OpenSSL 3.0 nor .NET has. Optional: the
/// library may be missing, other versions may not export these functions, and a CPU without the instructions would fault.
/// </summary>
internal static unsafe class IpsecMbLibrary
{
    // struct gcm_key_data is 1,008 bytes in 1.0 to 1.3 (15 round keys, 48 powers of the hash key); room for a few more versions.
    public const int KeyDataSize = 4096;

    // struct gcm_context_data is 88 bytes.
    public const int ContextSize = 256;

    // The library asks for 64-byte alignment of its key data.
    public const int Alignment = 64;

    public static readonly delegate* unmanaged<byte*, byte*, void> Expand;
    public static readonly delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void> Encrypt;
    public static readonly delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void> Decrypt;

    static IpsecMbLibrary()
    {
        Unusable = MissingInstructions();
        if (Unusable is not null) return;
        if (!NativeLibraries.TryLoad(NativeLibraries.IpsecMb, out nint library))
        {
            Unusable = "libIPSec_MB.so.1 is not installed";
            return;
        }
        if (!NativeLibrary.TryGetExport(library, "aes_gcm_pre_256_vaes_avx512", out nint expand)
            || !NativeLibrary.TryGetExport(library, "aes_gcm_enc_256_vaes_avx512", out nint encrypt)
            || !NativeLibrary.TryGetExport(library, "aes_gcm_dec_256_vaes_avx512", out nint decrypt))
        {
            Unusable = "this version does not export aes_gcm_*_256_vaes_avx512";
            return;
        }
        Expand = (delegate* unmanaged<byte*, byte*, void>)expand;
        Encrypt = (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void>)encrypt;
        Decrypt = (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, byte*, ulong, byte*, byte*, ulong, byte*, ulong, void>)decrypt;
        if (NativeLibrary.TryGetExport(library, "imb_get_version_str", out nint version))
            Version = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)version)()) ?? "";
    }

    /// <summary>Why it cannot be used here; null if it can.</summary>
    public static string? Unusable { get; }

    public static string Version { get; } = "";

    private static string? MissingInstructions()
    {
        // IsSupported also says that the kernel saves the 512-bit registers.
        if (!X86Base.X64.IsSupported || !Avx512F.IsSupported || !Bmi2.X64.IsSupported) return "the CPU has no AVX-512";
        if (X86Base.CpuId(0, 0).Eax < 7) return "the CPU has no VAES";
        (_, int ebx, int ecx, _) = X86Base.CpuId(7, 0);
        // Intel SDM volume 2, CPUID leaf 7: EBX 16 F, 17 DQ, 21 IFMA, 28 CD, 30 BW, 31 VL; ECX 8 GFNI, 9 VAES, 10 VPCLMULQDQ.
        const uint wantedEbx = 1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31;
        const uint wantedEcx = 1u << 8 | 1u << 9 | 1u << 10;
        return ((uint)ebx & wantedEbx) == wantedEbx && ((uint)ecx & wantedEcx) == wantedEcx ? null : "the CPU has no 512-bit VAES";
    }
}
