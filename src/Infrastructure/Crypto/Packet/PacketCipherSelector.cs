using JumpingVpn.Domain.Protocol;
using LanguageExt;

namespace JumpingVpn.Infrastructure.Crypto.Packet;

/// <summary>
/// Chooses, once per process, which library does which cipher suite: the first of the suite's ladder that is installed, that this
/// CPU can run and that passes its self-test. All backends of a suite are the same algorithm, so peers need not know.
/// </summary>
public sealed class PacketCipherSelector
{
    private readonly PacketBackend aes;
    private readonly PacketBackend chaCha;

    private PacketCipherSelector(PacketBackend aes, PacketBackend chaCha, IReadOnlyList<string> skipped)
    {
        this.aes = aes;
        this.chaCha = chaCha;
        Skipped = skipped;
    }

    /// <summary>Names that <see cref="Select"/> takes.</summary>
    public static IReadOnlyList<string> Backends { get; } =
        [.. Enum.GetValues<CipherSuite>().SelectMany(PacketBackends.Ladder).Select(backend => backend.Name()).Distinct()];

    /// <summary>Backends that stand higher in a ladder than the chosen one, each with the reason why it is not used.</summary>
    public IReadOnlyList<string> Skipped { get; }

    /// <summary>One line for the log, such as `AES-256-GCM by libipsec-mb 1.3.0 (VAES-512), ChaCha20-Poly1305 by OpenSSL 3.0.22`.</summary>
    public string Description => string.Join(", ", ((CipherSuite[])[CipherSuite.Aes256Gcm, CipherSuite.ChaCha20Poly1305])
        .Where(Supports).Select(suite => $"{NameOf(suite)} by {BackendOf(suite).Describe()}"));

    /// <summary>
    /// Climbs down the ladders. With <paramref name="preferred"/> (one of <see cref="Backends"/>) the suites that it implements use nothing else.
    /// </summary>
    /// <returns>One line that says why the preferred backend cannot be had, or why no suite works at all.</returns>
    public static Either<string, PacketCipherSelector> Select(string? preferred = null)
    {
        if (preferred is not null && !Backends.Contains(preferred))
            return $"packet cipher \"{preferred}\" is unknown; there are {string.Join(", ", Backends)}";
        List<string> skipped = [];
        PacketBackend aes = First(CipherSuite.Aes256Gcm, preferred, skipped);
        PacketBackend chaCha = First(CipherSuite.ChaCha20Poly1305, preferred, skipped);
        bool found = preferred is null ? aes != PacketBackend.None || chaCha != PacketBackend.None
            : (aes != PacketBackend.None && aes.Name() == preferred) || (chaCha != PacketBackend.None && chaCha.Name() == preferred);
        return found ? new PacketCipherSelector(aes, chaCha, skipped) : $"no packet cipher: {string.Join("; ", skipped)}";
    }

    /// <summary>True if this host can do the suite at all.</summary>
    public bool Supports(CipherSuite suite) => BackendOf(suite) != PacketBackend.None;

    /// <summary>
    /// True if the suite is fast here: AES-256-GCM needs instructions for AES and for carry-less multiplication (without them it is also open to
    /// cache timing), ChaCha20-Poly1305 needs none.
    /// </summary>
    public bool Accelerates(CipherSuite suite) => Supports(suite) && (suite != CipherSuite.Aes256Gcm || CpuHasAes);

    /// <summary>The short name of the suite's backend: "ipsec-mb", "openssl", "bcl" or "sodium"; "none" if the host lacks the suite.</summary>
    public string BackendName(CipherSuite suite) => Supports(suite) ? BackendOf(suite).Name() : "none";

    /// <summary>Expands a 32-byte traffic key for one direction and one thread. The caller zeroes its copy.</summary>
    /// <exception cref="NotSupportedException">The host lacks the suite: it should not have been offered.</exception>
    public PacketKey CreateKey(CipherSuite suite, PacketDirection direction, ReadOnlySpan<byte> key)
    {
        if (!Supports(suite)) throw new NotSupportedException($"no library here does {suite}");
        return new(BackendOf(suite), key, direction);
    }

    private static bool CpuHasAes =>
        (System.Runtime.Intrinsics.X86.Aes.IsSupported && System.Runtime.Intrinsics.X86.Pclmulqdq.IsSupported)
        || System.Runtime.Intrinsics.Arm.Aes.IsSupported;

    private static string NameOf(CipherSuite suite) => suite switch
    {
        CipherSuite.Aes256Gcm => "AES-256-GCM",
        CipherSuite.ChaCha20Poly1305 => "ChaCha20-Poly1305",
        _ => throw new ArgumentOutOfRangeException(nameof(suite)),
    };

    private PacketBackend BackendOf(CipherSuite suite) => suite switch
    {
        CipherSuite.Aes256Gcm => aes,
        CipherSuite.ChaCha20Poly1305 => chaCha,
        _ => PacketBackend.None,
    };

    private static PacketBackend First(CipherSuite suite, string? preferred, List<string> skipped)
    {
        PacketBackend[] ladder = PacketBackends.Ladder(suite);
        if (ladder.Any(backend => backend.Name() == preferred)) ladder = [.. ladder.Where(backend => backend.Name() == preferred)];
        foreach (PacketBackend backend in ladder)
        {
            string? reason = backend.Unusable() ?? PacketCipherSelfTest.Run(backend, suite);
            if (reason is null) return backend;
            skipped.Add($"{NameOf(suite)} by {backend.Name()}: {reason}");
        }
        return PacketBackend.None;
    }
}
