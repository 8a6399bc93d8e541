using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.Tests.Audit;

namespace JumpingVpn.Replay.Tests;

/// <summary>Runs the tool in this process, and makes the files that it reads.</summary>
internal sealed class Tool : IDisposable
{
    public static readonly AuditSigner Gateway = new([.. Enumerable.Repeat((byte)1, 32)]);
    public static readonly AuditSigner Laptop = new([.. Enumerable.Repeat((byte)3, 32)]);

    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;

    public string this[string name] => Path.Combine(_directory, name);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>The exit code and what was written.</summary>
    public static (int Exit, string Output, string Error) Run(params string[] arguments)
    {
        (TextWriter output, TextWriter error) = (Console.Out, Console.Error);
        using var standard = new StringWriter();
        using var complaints = new StringWriter();
        try
        {
            Console.SetOut(standard);
            Console.SetError(complaints);
            return (CommandLine.Run(arguments), standard.ToString(), complaints.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    public string Write(string name, History history, params IEnumerable<IncidentRecord> more)
    {
        using var output = new FileStream(this[name], FileMode.Create);
        var writer = new IncidentFileWriter(output, new("0.1.0", History.Id, IncidentRole.Gateway, IncidentOrigin.Node, "gw-a", new(1_790_000_100_000_000)));
        writer.Add(new IncidentRecord.Policy(history.PolicyHash, SessionJson.Of(history.Policy)));
        writer.Add(new IncidentRecord.NodeKey("gw-a", Gateway.Key));
        foreach (Domain.Audit.EventEnvelope envelope in history.Envelopes) writer.Add(new IncidentRecord.Event(envelope));
        foreach (IncidentRecord record in more) writer.Add(record);
        writer.Seal(Gateway);
        return this[name];
    }

    public string WriteClient(string name, params IEnumerable<Evidence> seen)
    {
        using var output = new FileStream(this[name], FileMode.Create);
        var writer = new IncidentFileWriter(output, new("0.1.0", History.Id, IncidentRole.Client, IncidentOrigin.Node, "laptop", new(1_790_000_100_000_000)));
        writer.Add(new IncidentRecord.NodeKey("laptop", Laptop.Key));
        foreach (Evidence one in seen) writer.Add(new IncidentRecord.Observed(one));
        writer.Seal(Laptop);
        return this[name];
    }
}
