using JumpingVpn.Domain.Primitives;
using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Tests.Control;

/// <summary>An incident file over the control socket.</summary>
public sealed class ExportTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;
    private readonly FakeNode _node = new();
    private ControlServer? _server;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(ControlLimits.ExportChunk)]
    [InlineData((3 * ControlLimits.ExportChunk) + 17)]
    public void A_file_of_any_size_comes_over_whole_and_the_connection_goes_on(int size)
    {
        _node.Incident = new byte[size];
        new Random(size).NextBytes(_node.Incident);
        using ControlClient client = Connect();
        using var taken = new MemoryStream();
        ControlResponse last = client.Export(FakeNode.Known, bytes => taken.Write(bytes));
        Assert.True(last.Ok, last.Error);
        Assert.Equal(_node.Incident, taken.ToArray());
        Assert.True(client.Ask(new() { Op = ControlNames.Status }).Ok);
    }

    [Fact]
    public void What_cannot_be_exported_is_refused_with_a_reason()
    {
        using ControlClient client = Connect();
        ControlResponse refused = client.Export(new SessionId(9), static _ => throw new InvalidOperationException("nothing comes"));
        Assert.Equal((false, ControlNames.UnknownSession), (refused.Ok, refused.Code));
        Assert.Contains("nothing is known of it", refused.Error, StringComparison.Ordinal);
        Assert.Equal(ControlNames.BadRequest, client.Ask(new() { Op = ControlNames.Export, Session = "zzz" }).Code);
    }

    private ControlClient Connect()
    {
        string path = Path.Combine(_directory, "socket");
        _server = ControlServer.Start(new(path, null), _node);
        Assert.True(ControlClient.TryConnect(path, out ControlClient? client, out string? problem), problem);
        return client!;
    }
}
