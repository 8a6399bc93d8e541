using System.Collections.Immutable;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

public sealed class PathSetTests : IDisposable
{
    private static readonly UInt128 V4 = Endpoint.FromIPv4(0x0A010002, 0).Address, V6 = (UInt128)0x2001_0DB8_0000_0000 << 64;

    private readonly ClientWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void There_are_at_most_eight_paths_and_every_uplink_has_one()
    {
        world.Endpoints = [.. Enumerable.Range(1, 7).Select(i => Endpoint.FromIPv4(0xC0000200 + (uint)i, 51830))];
        world.Start();
        world.RunFor(20);
        Assert.Equal(8, world.State.Paths.Count);
        Assert.Equal(["wan1", "wan2"], world.State.Paths.Values.Select(path => path.Uplink).Distinct().Order());
        Assert.Equal(world.Endpoints[0], world.State.OpenPaths.First().Remote);
        Assert.Equal(["wan1", "wan1", "wan1", "wan1", "wan2", "wan2", "wan2", "wan2"], world.State.OpenPaths.Select(path => path.Uplink));
    }

    [Theory]
    [InlineData(true, false, 1)]
    [InlineData(false, true, 1)]
    [InlineData(true, true, 2)]
    public void A_path_needs_an_address_of_its_endpoints_family(bool v4, bool v6, int paths)
    {
        world.Endpoints = [ClientWorld.GatewayEndpoint, new(V6 + 9, 51830)];
        world.Input(new ClientInput.Start(new(1), null));
        ImmutableArray<UInt128> addresses = [.. new[] { (v4, V4), (v6, V6 + 1) }.Where(pair => pair.Item1).Select(pair => pair.Item2)];
        world.Input(new ClientInput.UplinksChanged([new Uplink("wan1", 2, addresses)]));
        world.RunFor(1);
        Assert.Equal(paths, world.State.Paths.Count);
    }

    [Fact]
    public void An_uplink_that_flaps_keeps_its_number_and_what_was_learnt_of_it()
    {
        world.Connected();
        PathId[] ids = [.. world.State.Paths.Keys];
        for (int i = 0; i < 20; i++)
        {
            world.Wan2.IsUp = !world.Wan2.IsUp;
            world.UplinksChanged();
            world.RunFor(300);
        }
        Assert.Equal(ids, world.State.Paths.Keys);
        Assert.Equal(0, world.Session!.Switches);
    }

    [Fact]
    public void New_uplinks_take_the_place_of_those_that_are_gone()
    {
        world.Connected();
        for (int i = 0; i < 50; i++)
        {
            world.Input(new ClientInput.UplinksChanged([world.Wan1.AsUplink(), new Uplink("usb" + i, 10 + i, [world.Wan2.Address])]));
            world.RunFor(5);
            Assert.InRange(world.State.Paths.Count, 1, ClientLimits.Paths);
            Assert.Contains(world.State.Paths.Values, path => path.Uplink == "usb" + i && path.IsOpen);
            Assert.Equal(world.State.Paths.Keys, world.State.Selection.Paths.Keys);
        }
        Assert.Equal("wan1", world.Session!.Bound!.Uplink);
    }

    [Fact]
    public void Another_address_beside_the_used_one_changes_nothing()
    {
        world.Connected();
        int socket = world.Session!.Bound!.Address.Socket;
        world.Input(new ClientInput.UplinksChanged([new Uplink("wan1", 2, [world.Wan1.Address, V6 + 5]), world.Wan2.AsUplink()]));
        world.RunFor(200);
        Assert.Equal(socket, world.Session!.Bound!.Address.Socket);
        Assert.Empty(world.Gateway.Prepares);
    }

    [Fact]
    public void Where_the_socket_leaves_its_address_open_only_a_lost_address_opens_it_again()
    {
        world.LeavesLocalOpen = true;
        world.Connected();
        Assert.Equal(world.Wan1.Address, world.Session!.Bound!.Local.Address);
        int socket = world.Session!.Bound!.Address.Socket;
        world.Input(new ClientInput.UplinksChanged([new Uplink("wan1", 2, [world.Wan1.Address, world.Wan1.Address + 1]), world.Wan2.AsUplink()]));
        world.RunFor(200);
        Assert.Equal(socket, world.Session!.Bound!.Address.Socket);
        world.Input(new ClientInput.UplinksChanged([new Uplink("wan1", 2, [world.Wan1.Address + 1]), world.Wan2.AsUplink()]));
        world.RunFor(200);
        Assert.NotEqual(socket, world.Session!.Bound!.Address.Socket);
        Assert.Equal(ReattachKind.Rebound, Assert.Single(world.Gateway.Prepares).Kind);
    }

    /// <summary>Else the session would be Attached for ever: nobody would look for the gateway elsewhere, nor ask whether it knows the session.</summary>
    [Fact]
    public void A_new_address_that_nobody_answers_is_a_dead_transport_after_a_second()
    {
        world.Connected();
        world.Passes = (_, _, _) => false;
        world.Input(new ClientInput.UplinksChanged([new Uplink("wan1", 2, [world.Wan1.Address + 1]), world.Wan2.AsUplink()]));
        world.RunFor(500);
        Assert.Equal(SessionState.Attached, world.Session!.State);
        world.RunFor(1000);
        Assert.Equal(SessionState.Recovering, world.Session!.State);
        Assert.Equal(ReattachKind.Dead, world.State.Reattach!.Kind);
        world.RunFor(60_000);
        Assert.Contains(world.Effects, entry => entry.Effect is ClientEffect.Resolve && entry.At > world.Now - TimeSpan.FromSeconds(60));
        Assert.Contains(world.Effects, entry => entry.Effect is ClientEffect.Send { Bytes.Span: [(byte)MessageType.Initiation, ..] } && entry.At > world.Now - TimeSpan.FromSeconds(60));
        world.Passes = (_, _, _) => true;
        world.RunFor(10_000);
        Assert.Equal(SessionState.Attached, world.Session!.State);
    }

    [Fact]
    public void A_socket_that_cannot_be_opened_is_tried_again()
    {
        world.Input(new ClientInput.Start(new(1), null));
        world.Input(new ClientInput.EndpointsResolved([ClientWorld.GatewayEndpoint]));
        world.UplinksChanged();
        ClientPath path = world.State.Paths.Values.First();
        world.Input(new ClientInput.SocketFailed(path.Socket, "wan1: Operation not permitted"));
        Assert.Contains(world.Reports, report => report is ClientReport.PathChanged { Change: "wan1: Operation not permitted" });
        int opened = world.Effects.Count(entry => entry.Effect is ClientEffect.OpenSocket);
        world.RunFor(1100);
        Assert.True(world.Effects.Count(entry => entry.Effect is ClientEffect.OpenSocket) > opened);
        Assert.NotNull(world.Session);
    }

    [Fact]
    public void New_addresses_of_the_gateway_are_used_when_all_paths_are_dead()
    {
        world.Connected();
        world.StartTraffic();
        SessionId session = world.Session!.Id;
        world.Gateway.Ignores = (_, asked) => asked.Local == ClientWorld.GatewayEndpoint;
        world.RunFor(2000);
        world.Endpoints = [ClientWorld.GatewayEndpoint with { Port = 51831 }];
        Assert.True(world.RunUntil(() => world.Session!.State == SessionState.Attached && world.Session.Bound!.Address.Remote.Port == 51831, 15_000));
        Assert.Equal(session, world.Session!.Id);
    }
}
