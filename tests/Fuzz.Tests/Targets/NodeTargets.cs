using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Node.Cli;
using JumpingVpn.Node.Configuration;
using JumpingVpn.Node.Control;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>Configuration files: a configuration, or errors that are printable lines; and soon.</summary>
internal sealed class ConfigurationTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Files("configuration");
    private readonly string _directory = Scratch.Directory();

    public ConfigurationTarget()
    {
        foreach (string key in new[] { "gateway.key", "client.key", "psk" })
        {
            string path = Path.Combine(_directory, key);
            File.WriteAllText(path, Convert.ToBase64String(Enumerable.Repeat((byte)key.Length, 32).ToArray()) + "\n");
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    public override string Name => "configuration";

    public override long MostAllocated(int length) => 4_000_000 + (4_000L * length);

    public override FuzzInput? Draw(SimRandom random) => new(TextMutation.Yaml(random, random.Pick(_corpus), _corpus));

    public override bool Take(FuzzInput input)
    {
        bool isRead = ConfigurationFile.TryParse(Path.Combine(_directory, "node.yaml"), Encoding.UTF8.GetString(input.Bytes), out _, out IReadOnlyList<ConfigurationError> errors);
        FuzzFailure.Require(isRead != errors.Count > 0, "neither a configuration nor an error, or both");
        foreach (ConfigurationError error in errors)
            FuzzFailure.Require(!error.ToString().Any(c => char.IsControl(c) || c is '\u202e' or '\u2028'), "an error is no printable line: " + error);
        return isRead;
    }

    protected override void Close() => Directory.Delete(_directory, recursive: true);
}

/// <summary>What a node answers on its control socket, as the command line reads and prints it.</summary>
internal sealed class ControlReplyTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Lines("control-replies");

    public override string Name => "control-replies";

    public override long MostAllocated(int length) => 65_536 + (200L * length);

    public override FuzzInput? Draw(SimRandom random) => new(TextMutation.Json(random, random.Pick(_corpus), _corpus));

    public override bool Take(FuzzInput input)
    {
        try
        {
            return JsonSerializer.Deserialize(input.Bytes, ControlJson.Default.ControlResponse) is { } response && (response.Ok || response.Code is not null);
        }
        catch (JsonException)
        {
            // What the command line reports as "no jumping-vpn of this version".
            return false;
        }
    }
}

/// <summary>Requests on a real control socket, in pieces of any size: each line gets one line of JSON back, in order, and the server goes on.</summary>
internal sealed class ControlRequestTarget : FuzzTarget, INodeControl
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Lines("control-requests");
    private readonly string _path = Path.Combine(Scratch.Directory(), "c.sock");
    private readonly ControlServer _server;

    public ControlRequestTarget() => _server = ControlServer.Start(new ControlConfiguration(_path, null), this);

    public override string Name => "control-requests";

    /// <summary>That is this side's reading of the answers; the server has threads of its own.</summary>
    public override long MostAllocated(int length) => 262_144 + (200L * length);

    public override TimeSpan MostTime => TimeSpan.FromSeconds(2);

    public override FuzzInput? Draw(SimRandom random)
    {
        var bytes = new List<byte>();
        for (int i = random.Between(1, 4); i > 0; i--)
        {
            bytes.AddRange(random.Chance(80) ? TextMutation.Json(random, random.Pick(_corpus), _corpus) : random.Pick(_corpus));
            if (random.Chance(95)) bytes.Add((byte)'\n');
        }
        return new([.. bytes], 0, random.Between(1, 64));
    }

    public override bool Take(FuzzInput input)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 5_000, SendTimeout = 5_000 };
        socket.Connect(new UnixDomainSocketEndPoint(_path));
        using var stream = new NetworkStream(socket, ownsSocket: false);
        try
        {
            for (int at = 0; at < input.Bytes.Length; at += 64 * input.Way) socket.Send(input.Bytes.AsSpan(at, Math.Min(64 * input.Way, input.Bytes.Length - at)));
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // A line that is too long ends the connection while the rest is still on its way.
        }
        (int answers, bool anyOk) = Answers(stream);
        int asked = input.Bytes.Count(b => b == '\n');
        bool isTooLong = Encoding.UTF8.GetString(input.Bytes).Split('\n').Any(line => Encoding.UTF8.GetByteCount(line) + 1 >= ControlLimits.RequestSize) || input.Bytes.Length >= ControlLimits.RequestSize;
        FuzzFailure.Require(answers == asked || isTooLong, $"{asked} lines get {answers} answers");
        return anyOk;
    }

    public Task<NodeStatus> SnapshotAsync(CancellationToken cancellation) => Task.FromResult(new NodeStatus
    {
        Role = "gateway",
        Node = "gw-a",
        Version = "0",
        Sessions = [],
        Rejections = new Dictionary<string, long>(),
        Store = null,
        Lease = null,
        Telemetry = new() { Dropped = 0 },
    });

    public Task<TerminationOutcome> TerminateSessionAsync(SessionId session, CancellationToken cancellation) => Task.FromResult(TerminationOutcome.UnknownSession);

    public Task<string?> ExportSessionAsync(SessionId session, Stream output, CancellationToken cancellation) => Task.FromResult<string?>("no such session");

    protected override void Close()
    {
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);
    }

    private static (int Answers, bool AnyOk) Answers(NetworkStream stream)
    {
        int answers = 0;
        bool anyOk = false;
        try
        {
            using var reader = new StreamReader(stream, new UTF8Encoding(false, true));
            while (reader.ReadLine() is { } line)
            {
                ControlResponse? response = JsonSerializer.Deserialize(line, ControlJson.Default.ControlResponse);
                FuzzFailure.Require(response is not null && (response.Ok || response.Code is not null), "an answer that is none: " + line);
                anyOk |= response!.Ok;
                answers++;
            }
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            // The server ended a connection whose line was too long, with the rest of it unread.
        }
        return (answers, anyOk);
    }
}
