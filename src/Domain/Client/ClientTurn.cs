using System.Buffers.Binary;
using System.Collections.Immutable;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Client;

/// <summary>
/// One step of the client core while it is being made: the state as far as it has come and the effects so far. Lives for
/// one call of <see cref="ClientCore.Step"/>; nothing outside sees it.
/// </summary>
internal sealed class ClientTurn(ClientState state, ClientStep step, ClientEnvironment environment)
{
    private readonly ImmutableArray<ClientEffect>.Builder _effects = ImmutableArray.CreateBuilder<ClientEffect>();
    private uint _draws;

    public ClientState State { get; set; } = state;

    /// <summary>The state that the step began with.</summary>
    public ClientState Before { get; } = state;

    public ClientEnvironment Environment { get; } = environment;

    public ICryptography Crypto => Environment.Crypto;

    public Instant Now { get; } = step.Context.Now;

    /// <summary>The data plane's counters at the beginning of the step.</summary>
    public TrafficCounters Counters { get; } = step.Counters;

    public ImmutableArray<ClientEffect> Effects => _effects.ToImmutable();

    public void Emit(ClientEffect effect) => _effects.Add(effect);

    public void Reject(ReasonCode reason, string detail) => Emit(new ClientEffect.Report(new ClientReport.Rejected(reason, detail)));

    public void Warn(string text) => Emit(new ClientEffect.Report(new ClientReport.Warning(text)));

    public void Send(ClientPath path, ReadOnlyMemory<byte> datagram) => Emit(new ClientEffect.Send(path.Socket, path.Remote, datagram));

    /// <summary>Replaces a path by its successor.</summary>
    public void Put(ClientPath path) => State = State with { Paths = State.Paths.SetItem(path.Id, path) };

    /// <summary>A fresh secret out of the step's seed; every call gives another one. The caller owns it.</summary>
    public SecretHandle Draw()
    {
        Span<byte> info = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(info, ++_draws);
        return Crypto.Expand(step.Context.Seed, info);
    }

    /// <summary>Fresh public bytes out of the step's seed.</summary>
    public void Draw(Span<byte> bytes)
    {
        Span<byte> info = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(info, ++_draws);
        Crypto.ExpandPublic(step.Context.Seed, info, bytes);
    }

    public UInt128 DrawNumber()
    {
        Span<byte> bytes = stackalloc byte[16];
        Draw(bytes);
        return BinaryPrimitives.ReadUInt128LittleEndian(bytes);
    }

    /// <summary>A receiver index that none of ours uses; never 0.</summary>
    public uint DrawIndex()
    {
        Span<byte> bytes = stackalloc byte[4];
        uint index;
        do
        {
            Draw(bytes);
            index = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        }
        while (index == 0 || State.UsesIndex(index));
        return index;
    }

    /// <summary>Between three quarters of a pause and all of it, so that clients that lost the same gateway do not return in step.</summary>
    public TimeSpan Jitter(TimeSpan pause)
    {
        Span<byte> bytes = stackalloc byte[2];
        Draw(bytes);
        return new(pause.Ticks - (pause.Ticks / 4 * BinaryPrimitives.ReadUInt16LittleEndian(bytes) / 65536));
    }
}
