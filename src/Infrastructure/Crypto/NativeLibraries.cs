using System.Reflection;
using System.Runtime.InteropServices;

namespace JumpingVpn.Infrastructure.Crypto;

/// <summary>
/// Finds native libraries by the names under which distributions install them without their development packages
/// (the plain <c>.so</c> link comes only with those). .NET allows one resolver per assembly: this is it.
/// </summary>
internal static class NativeLibraries
{
    /// <summary>libsodium 1.0.18 (Debian 12, Ubuntu 22.04 and 24.04) or 1.0.20.</summary>
    public const string Sodium = "libsodium";

    /// <summary>OpenSSL 3.</summary>
    public const string OpenSsl = "libcrypto";

    /// <summary>Any OpenSSL that .NET's own cryptography would load.</summary>
    public const string PlatformTls = "libssl";

    /// <summary>Intel's multi-buffer crypto library, 1.x.</summary>
    public const string IpsecMb = "libIPSec_MB";

    private static readonly Lock Gate = new();
    private static bool registered;

    /// <summary>Call from the static constructor of a class with imports, before the first of them runs.</summary>
    public static void Register()
    {
        lock (Gate)
        {
            if (registered) return;
            NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
            registered = true;
        }
    }

    /// <summary>False if no installed file answers to <paramref name="name"/>.</summary>
    public static bool TryLoad(string name, out nint library)
    {
        foreach (string file in FilesOf(name))
            if (NativeLibrary.TryLoad(file, out library)) return true;
        library = 0;
        return false;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        TryLoad(name, out nint library) ? library : 0;

    private static string[] FilesOf(string name) => name switch
    {
        Sodium => ["libsodium.so.23", "libsodium.so.26"],
        OpenSsl => ["libcrypto.so.3"],
        PlatformTls => ["libssl.so.3", "libssl.so.1.1"],
        IpsecMb => ["libIPSec_MB.so.1"],
        _ => [],
    };
}
