using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using JumpingVpn.Domain.Protocol;

namespace JumpingVpn.Domain.Tests.Protocol;

/// <summary>
/// REQ-KEYS-3: MACs, tokens and ids are compared in constant time. Time cannot be measured to a few nanoseconds in a test, so the source
/// is held to the two functions that do it.
/// </summary>
public sealed partial class ConstantTimeTests
{
    private static readonly string Source = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "src"));

    /// <summary>Comparisons that stop at the first difference, by file: what each compares is public.</summary>
    private static readonly Dictionary<string, int> Public = new()
    {
        ["Domain/Audit/Incidents/EnvelopeSlices.cs"] = 2, // the text of a stored event
        ["Domain/Audit/Incidents/IncidentJsonReading.cs"] = 1, // names in a line
        ["Domain/Audit/Incidents/StreamCheck.cs"] = 5, // the text of stored events
        ["Domain/Client/BoundArrival.cs"] = 1, // the session's addresses
        ["Domain/Paths/Uplink.cs"] = 1, // an uplink's addresses
        ["Domain/Sessions/AddressSet.cs"] = 1, // addresses
        ["Infrastructure/Audit/FrameReader.cs"] = 1, // the file's magic number
        ["Infrastructure/Crypto/Packet/PacketCipherSelfTest.cs"] = 3, // published vectors
        ["Infrastructure/DataPlane/TunWriter.cs"] = 2, // inner headers, after decryption
        ["Infrastructure/Shell/ClientStateFile.cs"] = 1, // the file's magic number
        ["Node/Lab/Demo/DemoTransfer.cs"] = 1, // the demo's own data
        ["Node/Running/ClientNode.cs"] = 1, // uplinks
    };

    [Fact]
    public void Bytes_are_equal_only_if_all_of_them_are()
    {
        byte[] bytes = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        Assert.True(ConstantTime.Equal(bytes, [.. bytes]));
        Assert.True(ConstantTime.Equal([], []));
        Assert.False(ConstantTime.Equal(bytes, bytes.AsSpan(0, 31)));
        for (int bit = 0; bit < 256; bit++)
        {
            byte[] other = [.. bytes];
            other[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(ConstantTime.Equal(bytes, other));
        }
    }

    [Fact]
    public void Only_public_bytes_are_compared_by_functions_that_stop_at_the_first_difference()
    {
        Dictionary<string, int> found = Files().Select(file => (file.Name, Count: Stopping().Count(file.Text))).Where(file => file.Count > 0)
            .ToDictionary(file => file.Name, file => file.Count);
        Assert.Equal(Public.OrderBy(file => file.Key, StringComparer.Ordinal), found.OrderBy(file => file.Key, StringComparer.Ordinal));
    }

    /// <summary>A MAC, a token or a proof is taken out of a datagram only to be verified, to be carried on, or to be told from zero.</summary>
    [Fact]
    public void What_authenticates_is_handed_to_a_comparison_in_constant_time()
    {
        string[] uses =
        [
            .. Files().SelectMany(file => file.Text.Split('\n').Where(line => Taking().IsMatch(line) && !line.Contains("public static", StringComparison.Ordinal))
                .Select(line => file.Name + ": " + line.Trim())),
        ];
        Assert.True(uses.Length >= 8, "the pattern finds what is there");
        Assert.All(uses, use => Assert.Matches(Allowed(), use));
    }

    [Fact]
    public void Both_comparisons_are_the_platforms_own()
    {
        Assert.Contains("CryptographicOperations.FixedTimeEquals(left, right)", Text("Domain/Protocol/ClusterKeys.cs"), StringComparison.Ordinal);
        Assert.Contains("CryptographicOperations.FixedTimeEquals(expected, mac)", Text("Infrastructure/Crypto/Sodium/Blake2b.cs"), StringComparison.Ordinal);
        Assert.Contains("Blake2b.Verify(Arena.Read(key), data, mac)", Text("Infrastructure/Crypto/SodiumCryptography.cs"), StringComparison.Ordinal);
    }

    /// <summary>REQ-FLOOD-2: a datagram comes to the gateway's core in one place, and to the rehearsal's in another; both stand behind the filter.</summary>
    [Fact]
    public void The_gateway_core_sees_only_what_the_filter_has_passed()
    {
        (string Name, string Text)[] makers = [.. Files().Where(file => Datagrams().IsMatch(file.Text)).OrderBy(file => file.Name, StringComparer.Ordinal)];
        Assert.Equal(["Infrastructure/Shell/Rehearsal.cs", "Node/Running/GatewayEvents.cs"], makers.Select(file => file.Name));
        Assert.All(makers, file => Assert.Equal(1, Datagrams().Count(file.Text)));
        Assert.All(makers, file => Assert.Matches(
            @"(case AdmissionVerdict\.Pass:|== AdmissionVerdict\.Pass\))\s+(if \(!shell\.TryPostDatagram\(|Take\()new GatewayInput\.DatagramReceived\(", file.Text));
    }

    private static string Text(string name) => File.ReadAllText(Path.Combine(Source, name));

    private static IEnumerable<(string Name, string Text)> Files() =>
        from file in Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
        let name = Path.GetRelativePath(Source, file).Replace('\\', '/')
        where !name.Contains("/obj/", StringComparison.Ordinal) && !name.Contains("/bin/", StringComparison.Ordinal)
        select (name, File.ReadAllText(file));

    [GeneratedRegex(@"\.SequenceEqual\(|\.SequenceCompareTo\(|\.CommonPrefixLength\(|\.IndexOfAnyExcept\(")]
    private static partial Regex Stopping();

    [GeneratedRegex(@"\b(TokenOf|MacOf|ProofOf)\(")]
    private static partial Regex Taking();

    [GeneratedRegex(@"VerifyMac\(|ConstantTime\.Equal\(|ContainsAnyExcept\(\(byte\)0\)|Confirm\.Make\(|Authenticate\(|ReadOnlySpan<byte> token = |Take\(turn, path, datagram, ")]
    private static partial Regex Allowed();

    [GeneratedRegex(@"new GatewayInput\.DatagramReceived\(")]
    private static partial Regex Datagrams();

    private static string ThisFile([CallerFilePath] string file = "") => file;
}
