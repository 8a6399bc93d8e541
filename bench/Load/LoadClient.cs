using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Protocol.Noise;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Bench.Load;

/// <summary>
/// One client of a load: real keys, real messages, and the real client's pace (<see cref="ClientLimits"/>), cookies and answers to refusals,
/// but no packets, no probes and no choice of paths. It counts what it was told and says how long a reattach took.
/// </summary>
internal sealed partial class LoadClient
{
    private static readonly byte Suites = CipherSuites.Bit(CipherSuite.ChaCha20Poly1305);

    private readonly LoadWorld world;
    private readonly NoiseKeyPair identity;
    private readonly InstanceId instance;
    private readonly List<LoadAttempt> attempts = [];
    private readonly byte[]?[] cookies = new byte[]?[2];
    private uint nextIndex = 0x100;
    private ulong nextNonce = 1;
    private SessionSecrets secrets;
    private byte[] ticket = [];
    private int[] targets = [];
    private bool isBusy;
    private long startedAt;
    private long roundAt = long.MaxValue;
    private int rounds;

    public LoadClient(LoadWorld world, int number)
    {
        this.world = world;
        Number = number;
        identity = NoiseKeyPair.From(world.Crypto, world.Crypto.GenerateSecret());
        instance = new((ulong)number + 1);
    }

    public int Number { get; }

    public PublicKey PublicKey => identity.Public;

    public SessionId Session { get; private set; }

    public ulong BindingVersion { get; private set; }

    /// <summary>The node that bound the session last; 0 before the first.</summary>
    public int Node { get; private set; }

    /// <summary>Nothing is under way.</summary>
    public bool IsSettled => !isBusy;

    /// <summary>Why the session is over; null while it is not.</summary>
    public ReasonCode? Ended { get; private set; }

    /// <summary>From the first message of the last handshake or reattach to its BOUND, in nanoseconds.</summary>
    public long Took { get; private set; }

    /// <summary>Refusals by reason, since the start.</summary>
    public Dictionary<ReasonCode, int> Refusals { get; } = [];

    /// <summary>When <see cref="Fire"/> is due.</summary>
    public long NextAt
    {
        get
        {
            long at = roundAt;
            foreach (LoadAttempt attempt in attempts) at = Math.Min(at, attempt.RetryAt);
            return at;
        }
    }

    private SodiumCryptography Crypto => world.Crypto;

    /// <summary>Begins a handshake with a node.</summary>
    public void Connect(int node, long now)
    {
        byte[] payload = new byte[InitiationPayload.Size], message = new byte[Initiation.NoiseSize], datagram = new byte[Initiation.Size];
        new InitiationPayload(ProtocolConstants.Version, Suites, instance, 1).Write(payload);
        NoiseInitiator noise = NoiseInitiator.Start(
                Crypto, NoiseProtocol.IKpsk2, ProtocolConstants.Prologue, identity, world.Gateway, Crypto.GenerateSecret(), payload, message)
            .IfLeft(error => throw new LabException($"the handshake does not start: {error}"));
        Occupy();
        uint index = nextIndex++;
        Initiation.Write(datagram, index, message);
        Crypto.Mac(world.AddressKeys.Mac1, datagram.AsSpan(0, Initiation.Mac1Offset), datagram.AsSpan(Initiation.Mac1Offset, ProtocolConstants.MacSize));
        startedAt = now;
        Begin(new LoadAttempt { Node = node, Index = index, StartedAt = now, Request = datagram, Noise = noise }, now + Nanoseconds(ClientLimits.HandshakeRetry));
    }

    /// <summary>The bound path is dead: begins a reattach at the best two nodes, in this order.</summary>
    public void Jump(long now, params int[] nodes)
    {
        if (ticket.Length == 0) throw new InvalidOperationException("a client without a session cannot jump");
        Occupy();
        targets = nodes;
        startedAt = now;
        rounds = 0;
        Round(now);
    }

    /// <summary>Repeats what is due.</summary>
    public void Fire(long now)
    {
        foreach (LoadAttempt attempt in attempts.ToArray())
        {
            if (attempt.RetryAt > now) continue;
            if (attempt.Noise is not null && attempt.Confirm is not null && now - attempt.ConfirmedAt >= Nanoseconds(ClientLimits.HandshakePatience))
            {
                long began = startedAt;
                Drop(attempt);
                Connect(attempt.Node, now);
                startedAt = began;
            }
            else if (attempt.Confirm is null && attempt.Noise is null && now - attempt.StartedAt >= Nanoseconds(ClientLimits.PrepareLifetime)) Drop(attempt);
            else Repeat(attempt, now);
        }

        if (roundAt <= now) Round(now);
    }

    /// <summary>Gives up what is under way, and the session's secrets.</summary>
    public void Forget()
    {
        DropAll();
        secrets.Release(Crypto);
        secrets = default;
    }

    private void Begin(LoadAttempt attempt, long retryAt)
    {
        attempt.RetryAt = retryAt;
        attempts.Add(attempt);
        world.Send(this, attempt.Node, Stamped(attempt));
    }

    /// <summary>Prepares at each node where nothing is prepared, unless something confirmed still has time for its BOUND.</summary>
    private void Round(long now)
    {
        bool waits = attempts.Any(attempt => attempt.Confirm is not null && now - attempt.ConfirmedAt < Nanoseconds(ClientLimits.ReattachPatience));
        if (!waits)
        {
            foreach (int node in targets)
            {
                if (attempts.Any(attempt => attempt.Node == node && attempt.Confirm is null)) continue;
                if (attempts.Count == ProtocolConstants.MaxPendingReattaches) Drop(attempts[0]);
                Prepare(node, now);
            }
        }

        bool isEager = now - startedAt < Nanoseconds(ClientLimits.EagerFor);
        roundAt = now + Nanoseconds(isEager ? Doubled(ClientLimits.PrepareRetry, rounds, ClientLimits.PrepareRetryEager) : Jittered(ClientLimits.PrepareRetryMax));
        rounds++;
    }

    private void Prepare(int node, long now)
    {
        Domain.Ports.SecretHandle ephemeral = Crypto.GenerateSecret();
        var prepare = new Prepare(
            Session, nextIndex++, nextNonce++, BindingVersion, Crypto.PublicKeyOf(ephemeral), instance, (uint)node, ReattachKind.Dead, Suites);
        byte[] datagram = new byte[Domain.Protocol.Messages.Prepare.Size];
        prepare.Write(datagram, ticket);
        Crypto.Mac(
            secrets.Proof,
            Domain.Protocol.Messages.Prepare.Proven(datagram),
            datagram.AsSpan(Domain.Protocol.Messages.Prepare.ProofOffset, ProtocolConstants.ProofSize));
        var attempt = new LoadAttempt
        {
            Node = node,
            Index = prepare.SenderIndex,
            StartedAt = now,
            Request = datagram,
            Hash = Crypto.Sha256(Domain.Protocol.Messages.Prepare.Hashed(datagram)),
            Ephemeral = ephemeral,
        };
        Begin(attempt, now + Nanoseconds(ClientLimits.PrepareRetry));
    }

    private void Repeat(LoadAttempt attempt, long now)
    {
        attempt.Tries++;
        TimeSpan pause;
        if (attempt.Confirm is { } confirm)
        {
            world.Send(this, attempt.Node, confirm);
            pause = ConfirmPause(attempt.Tries);
        }
        else
        {
            world.Send(this, attempt.Node, Stamped(attempt));
            bool isEager = now - startedAt < Nanoseconds(ClientLimits.EagerFor);
            pause = attempt.Noise is not null ? Jittered(Doubled(ClientLimits.HandshakeRetry, attempt.Tries - 1, ClientLimits.HandshakeRetryMax))
                : isEager ? Doubled(ClientLimits.PrepareRetry, attempt.Tries - 1, ClientLimits.PrepareRetryEager)
                : Jittered(Doubled(ClientLimits.PrepareRetry, attempt.Tries - 1, ClientLimits.PrepareRetryMax));
        }

        attempt.RetryAt = now + Nanoseconds(pause);
    }

    private ReadOnlySpan<byte> Stamped(LoadAttempt attempt)
    {
        if (cookies[attempt.Node - 1] is not { } cookie) return attempt.Request;
        byte[] stamped = [.. attempt.Request];
        int offset = attempt.Noise is null ? Domain.Protocol.Messages.Prepare.CookieMacOffset : Initiation.Mac2Offset;
        ControlFilter.CookieMac(Crypto, cookie, stamped.AsSpan(0, offset), stamped.AsSpan(offset, ProtocolConstants.MacSize));
        return stamped;
    }

    private void Drop(LoadAttempt attempt)
    {
        attempt.Release(Crypto);
        attempts.Remove(attempt);
    }

    private void DropAll()
    {
        foreach (LoadAttempt attempt in attempts) attempt.Release(Crypto);
        attempts.Clear();
        roundAt = long.MaxValue;
        if (isBusy) world.Busy--;
        isBusy = false;
    }

    private void Occupy()
    {
        if (!isBusy) world.Busy++;
        isBusy = true;
    }

    private static TimeSpan ConfirmPause(int tries) => tries <= ClientLimits.QuickConfirms
        ? ClientLimits.ConfirmRetry
        : Doubled(TimeSpan.FromMilliseconds(50), tries - ClientLimits.QuickConfirms - 1, ClientLimits.ConfirmRetryMax);

    private static TimeSpan Doubled(TimeSpan first, int times, TimeSpan max)
    {
        TimeSpan pause = first * Math.Pow(2, Math.Min(times, 30));
        return pause < max ? pause : max;
    }

    /// <summary>Between three quarters and five quarters of it.</summary>
    private TimeSpan Jittered(TimeSpan pause) => pause * (0.75 + world.Random.NextDouble() / 2);

    private static long Nanoseconds(TimeSpan time) => (long)(time.TotalMilliseconds * LabClock.Millisecond);
}
