using System.Buffers.Binary;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Client;

/// <summary>What is not authentic changes nothing; what is repeated changes nothing a second time; and under any weather secrets and epochs stay bounded.</summary>
public sealed class RobustnessTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_bytes_from_anywhere_change_nothing(int seed)
    {
        var random = new Random(seed);
        foreach (ClientWorld world in Situations())
        {
            using (world)
            {
                for (int i = 0; i < 400; i++) Throw(world, random, Garbage(random), "seed " + seed);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Genuine_datagrams_that_were_cut_or_altered_change_nothing(int seed)
    {
        var random = new Random(seed);
        foreach (ClientWorld recorded in Situations())
        {
            using (recorded)
            {
                var genuine = new List<byte[]>();
                recorded.Passes = (_, outwards, datagram) =>
                {
                    if (!outwards && datagram.Length > 1) genuine.Add(datagram);
                    // Nothing arrives: each stays fresh, so that only the alteration can be what makes it void.
                    return outwards;
                };
                recorded.RunFor(120);
                foreach (byte[] original in genuine.ToArray())
                {
                    for (int i = 0; i < 12; i++)
                    {
                        byte[] altered = [.. original];
                        int bit = random.Next(8 * altered.Length);
                        altered[bit / 8] ^= (byte)(1 << (bit % 8));
                        Throw(recorded, random, altered, $"seed {seed}, bit {bit} of {(MessageType)original[0]}");
                    }
                    Throw(recorded, random, original[..random.Next(original.Length)], $"seed {seed}, a cut {(MessageType)original[0]}");
                }
            }
        }
    }

    [Fact]
    public void Repeated_datagrams_change_nothing()
    {
        using var world = new ClientWorld();
        var genuine = new List<(string Uplink, byte[] Bytes)>();
        world.Passes = (uplink, outwards, datagram) =>
        {
            if (!outwards && datagram.Length > 1) genuine.Add((uplink == world.Wan1 ? "wan1" : "wan2", datagram));
            return true;
        };
        world.Connected();
        Traffic traffic = world.StartTraffic();
        world.RunFor(2000);
        world.Wan1.PortShift = 9;
        world.RunFor(2000);
        world.Wan2.IsUp = false;
        world.UplinksChanged();
        world.RunFor(1000);
        ClientSession before = world.Session!;
        int switches = before.Switches, prepares = world.Gateway.Prepares.Count;
        foreach ((string uplink, byte[] bytes) in genuine.ToArray())
            foreach (ClientPath path in world.State.OpenPaths.ToArray()) world.Datagram(path, bytes);
        world.RunFor(1000);
        Assert.Equal(before.Id, world.Session!.Id);
        Assert.Equal(switches, world.Session.Switches);
        Assert.Equal(prepares, world.Gateway.Prepares.Count);
        Assert.Equal(before.BindingVersion, world.Session.BindingVersion);
        traffic.IsRunning = false;
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(155)]
    public void Whatever_the_weather_the_session_comes_back_and_no_secret_is_left(int seed)
    {
        var random = new Random(seed);
        using var world = new ClientWorld(seed, keepsState: seed % 2 == 0);
        world.Passes = (_, _, datagram) => datagram.Length > 1 || random.Next(100) > 2;
        world.Start();
        Traffic traffic = world.StartTraffic();
        double loss = 0;
        world.Passes = (_, _, _) => random.NextDouble() >= loss;
        for (int i = 0; i < 150; i++)
        {
            switch (random.Next(12))
            {
                case 0: world.Wan1.IsUp = !world.Wan1.IsUp; world.UplinksChanged(); break;
                case 1: world.Wan2.IsUp = !world.Wan2.IsUp; world.UplinksChanged(); break;
                case 2: world.Wan1.Blackhole(random.Next(2) == 0); break;
                case 3: world.Wan2.Blackhole(random.Next(2) == 0); break;
                case 4: world.Wan1.PortShift = (ushort)random.Next(1000); break;
                case 5: world.Wan2.Address++; world.UplinksChanged(); break;
                case 6: world.Gateway.Restart(); break;
                case 7: loss = random.NextDouble() * 0.6; break;
                case 8: world.Gateway.IsAway = random.Next(3) == 0; break;
                case 9: world.Gateway.WantsCookies = random.Next(2) == 0; break;
                case 10: if (random.Next(6) == 0) world.Gateway.Session?.IsGone = true; break;
                case 11: world.Gateway.CommitTime = TimeSpan.FromMilliseconds(random.Next(60)); break;
            }
            world.RunFor(random.Next(400));
            AssertBounded(world, seed);
        }
        loss = 0;
        world.Gateway.IsAway = false;
        world.Wan1.Blackhole(false);
        world.Wan2.Blackhole(false);
        world.Wan1.IsUp = world.Wan2.IsUp = true;
        world.UplinksChanged();
        Assert.True(world.RunUntil(() => world.Session is { State: SessionState.Attached } session && session.Id == world.Gateway.Session!.Id, 70_000),
            $"seed {seed}: {world.Session?.State}, {world.State.Reattach?.Kind}");
        world.RunFor(8000);
        traffic.Outage();
        world.RunFor(2000);
        Assert.True(traffic.Outage() < 100, "seed " + seed);
        traffic.IsRunning = false;
        world.Input(new ClientInput.Stop());
        world.RunFor(4000);
        Assert.True(world.HasStopped);
        Assert.True(world.LiveSecrets == 0, $"seed {seed}: {world.LiveSecrets} secrets are left");
    }

    private static void AssertBounded(ClientWorld world, int seed)
    {
        Assert.True(world.LiveSecrets < 40, $"seed {seed}: {world.LiveSecrets} secrets");
        Assert.True(world.DataPlane.Epochs.Count <= 8, $"seed {seed}: {world.DataPlane.Epochs.Count} epochs");
        if (world.Session is { } session) Assert.Equal(world.DataPlane.Epochs.Keys.Order(), session.Epochs.Select(epoch => epoch.LocalIndex).Order());
        Assert.True(world.State.Handshakes.Length <= ClientLimits.Paths);
        Assert.True((world.State.Reattach?.Attempts.Length ?? 0) <= ProtocolConstants.MaxPendingReattaches);
    }

    /// <summary>Connecting, confirming, attached, preparing, and after the session's end.</summary>
    private static IEnumerable<ClientWorld> Situations()
    {
        var connecting = new ClientWorld();
        connecting.Gateway.Loses = (type, _) => type == MessageType.Bound;
        connecting.Start();
        connecting.RunFor(30);
        yield return connecting;

        ClientWorld attached = new ClientWorld().Connected();
        attached.StartTraffic();
        attached.RunFor(500);
        yield return attached;

        ClientWorld preparing = new ClientWorld().Connected();
        preparing.Gateway.Loses = (type, _) => type == MessageType.Bound;
        preparing.Wan1.IsUp = false;
        preparing.UplinksChanged();
        preparing.RunFor(3);
        yield return preparing;

        ClientWorld ended = new ClientWorld().Connected();
        ended.Gateway.TerminateByDatagram(ReasonCode.Explicit);
        ended.RunFor(6);
        yield return ended;
    }

    private static void Throw(ClientWorld world, Random random, byte[] datagram, string what)
    {
        ClientPath[] paths = [.. world.State.OpenPaths];
        if (paths.Length == 0) return;
        ClientState before = world.State;
        int effects = world.Effects.Count;
        bool wasDue = ClientCore.NextDeadline(before) <= world.Now;
        world.Datagram(paths[random.Next(paths.Length)], datagram);
        if (wasDue) return;
        Assert.True(ReferenceEquals(before, world.State), what);
        Assert.All(world.Effects.Skip(effects), entry => Assert.IsType<ClientReport.Rejected>(Assert.IsType<ClientEffect.Report>(entry.Effect).Event));
    }

    private static byte[] Garbage(Random random)
    {
        byte[] bytes = new byte[random.Next(4) switch
        {
            0 => random.Next(64),
            1 => random.Next(1600),
            _ => new[] { Response.Size, Cookie.Size, Prepared.Size, Bound.Size, Refused.Size, Challenge.Size, ProbeReply.Size, Ended.Size }[random.Next(8)],
        }];
        random.NextBytes(bytes);
        if (bytes.Length > 3)
        {
            bytes[0] = (byte)random.Next(18);
            if (random.Next(2) == 0) BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), 0);
            if (random.Next(2) == 0) bytes[1] = 0;
        }
        return bytes;
    }
}
