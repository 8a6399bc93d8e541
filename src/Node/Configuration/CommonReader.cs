using System.Net;
using System.Text;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Telemetry;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads what gateways and clients share.</summary>
internal sealed class CommonReader
{
    /// <summary>sun_path less the closing zero (un.h), in bytes.</summary>
    public const int MaxSocketPath = 107;

    /// <summary>Where control sockets lie unless the file says otherwise.</summary>
    public const string ControlDirectory = "/run/jumping-vpn";

    public CommonReader(Section section, FilePaths paths)
    {
        Paths = paths;
        Node = ReadNode(section);
        ReadIdentity(section);
        Control = ReadControl(section);
        Metrics = ReadMetrics(section);
        Log = ReadLog(section);
    }

    public FilePaths Paths { get; }

    public string Node { get; }

    public string PrivateKeyFile { get; private set; } = "";

    public PublicKey PublicKey { get; private set; }

    // By this a private key is known that was written where a public one belongs.
    private Hash256 privateKeyDigest;

    public ControlConfiguration Control { get; }

    public MetricsConfiguration Metrics { get; }

    public LogConfiguration Log { get; }

    /// <summary>Reads a public key under <paramref name="key"/>; default if absent or wrong.</summary>
    public PublicKey ReadPublicKey(Section section, string key)
    {
        if (section.Scalar(key) is not { } scalar)
        {
            section.Require(key, "44 characters of base64, as `jumping-vpn pubkey` prints them");
            return default;
        }
        if (ClientRules.PublicKeyOf(scalar.Text, PublicKey, privateKeyDigest, out PublicKey value) is not string problem) return value;
        section.Fail(scalar.Line, key, problem);
        return default;
    }

    /// <summary>Reads `preshared_key_file` and checks the file; null if absent or wrong.</summary>
    public string? ReadPresharedKeyFile(Section section)
    {
        const string key = "preshared_key_file";
        if (Paths.Read(section, key) is not string path) return null;
        Span<byte> secret = stackalloc byte[KeyFile.KeySize];
        string? problem = KeyFile.TryRead(path, secret);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(secret);
        if (problem is null) return path;
        section.Fail(section.LineOf(key), key, problem);
        return null;
    }

    private static string ReadNode(Section section)
    {
        if (section.Scalar("node") is not { } scalar) return HostName();
        if (Names.WrongWithName(scalar.Text) is string problem) section.Fail(scalar.Line, "node", problem);
        return scalar.Text;
    }

    private static string HostName()
    {
        string plain = new([.. Environment.MachineName.Where(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-').SkipWhile(c => c == '.').Take(Names.MaxLength)]);
        return plain.Length > 0 ? plain : "node";
    }

    private void ReadIdentity(Section section)
    {
        const string key = "private_key_file";
        section.Require("identity", "{ private_key_file: FILE }; `jumping-vpn keygen --out FILE` makes one");
        if (section.Nested("identity") is not { } identity) return;
        string? path = Paths.Read(identity, key);
        if (path is null) identity.Require(key, "a file that `jumping-vpn keygen --out FILE` made");
        else
        {
            PrivateKeyFile = path;
            if (KeyPairs.Inspect(path, out PublicKey publicKey, out Hash256 digest) is string problem) identity.Fail(identity.LineOf(key), key, problem);
            else (PublicKey, privateKeyDigest) = (publicKey, digest);
        }
        identity.Done(new Dictionary<string, string> { ["private_key"] = "keys do not stand in the configuration; write private_key_file: FILE" });
    }

    private ControlConfiguration ReadControl(Section section)
    {
        const string key = "control";
        string socket = Path.Combine(ControlDirectory, Node + ".sock");
        string? group = null;
        if (section.Has(key) && section.Find(key) is ConfigNode.Mapping)
        {
            Section nested = section.Nested(key)!;
            socket = Paths.Read(nested, "socket") ?? socket;
            group = nested.Scalar("group")?.Text;
            nested.Done();
        }
        else socket = Paths.Read(section, key) ?? socket;
        if (Encoding.UTF8.GetByteCount(socket) > MaxSocketPath)
            section.Fail(section.LineOf(key), key, $"{socket}: a socket's path has at most {MaxSocketPath} bytes");
        return new(socket, group);
    }

    private static MetricsConfiguration ReadMetrics(Section section)
    {
        IPEndPoint? prometheus = null;
        if (section.Nested("metrics") is { } metrics)
        {
            if (metrics.Scalar("prometheus") is { } scalar)
            {
                if (AddressReading.Endpoint(scalar.Text, out Endpoint endpoint) is string problem) metrics.Fail(scalar.Line, "prometheus", problem);
                else prometheus = endpoint.ToIPEndPoint();
            }
            if (metrics.Has("otlp")) metrics.Fail(metrics.LineOf("otlp"), "otlp", "not supported yet");
            metrics.Find("otlp");
            metrics.Done();
        }
        return new(prometheus);
    }

    private LogConfiguration ReadLog(Section section)
    {
        if (section.Nested("log") is not { } log) return new(LogLevel.Information, null);
        string level = log.Choice("level", "information", [.. Enum.GetNames<LogLevel>().Select(n => n.ToLowerInvariant())]);
        string? file = Paths.ReadToCreate(log, "file");
        long size = log.Size("max_size", LogFileOptions.DefaultSize, LogFileOptions.SmallestSize, LogFileOptions.LargestSize);
        int files = log.Integer("files", LogFileOptions.DefaultFiles, 1, LogFileOptions.MostFiles);
        if (!log.Has("file"))
        {
            foreach (string key in new[] { "max_size", "files" })
                if (log.Has(key)) log.Fail(log.LineOf(key), key, "bounds what `file` takes, and there is none");
        }
        log.Done();
        return new(Enum.Parse<LogLevel>(level, ignoreCase: true), file is null ? null : new(file, size, files));
    }
}
