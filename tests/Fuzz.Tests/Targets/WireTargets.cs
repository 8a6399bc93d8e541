using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Fuzz.Tests.Cores;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Mutation;
using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Targets;

/// <summary>Every reader of a control message takes every input; what it accepts is written back as the same bytes, MACs aside.</summary>
internal sealed class WireTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Files("wire");

    public override string Name => "wire";

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[] model = random.Pick(_corpus);
        return new(ByteMutation.Mutate(random, model, WireLayouts.Of(model), _corpus, keepsLength: random.Chance(50)));
    }

    public override bool Take(FuzzInput input)
    {
        ReadOnlySpan<byte> bytes = input.Bytes;
        Span<byte> again = stackalloc byte[ProtocolConstants.MaxControlDatagram];
        again.Clear();
        bool isAccepted = false;
        if (Prepare.TryRead(bytes, out Prepare prepare))
        {
            prepare.Write(again, Prepare.TicketOf(bytes));
            Same(bytes, again, Prepare.ProofOffset);
        }
        if (Prepared.TryRead(bytes, out Prepared prepared))
        {
            prepared.Write(again);
            Same(bytes, again, Prepared.TokenOffset);
        }
        if (Probe.TryRead(bytes, out Probe probe))
        {
            probe.Write(again, Probe.HasTicket(bytes) ? Probe.TicketOf(bytes) : default);
            Same(bytes, again, Probe.MacOffset);
        }
        if (ProbeReply.TryRead(bytes, out ProbeReply reply))
        {
            reply.Write(again);
            Same(bytes, again, ProbeReply.MacOffset);
        }
        if (End.TryRead(bytes, out End end))
        {
            end.Write(again, bytes.Slice(End.TicketOffset, Ticket.Size));
            Same(bytes, again, End.ProofOffset);
        }
        if (Ended.TryRead(bytes, out Ended ended))
        {
            ended.Write(again);
            Same(bytes, again, Ended.MacOffset);
        }
        if (Refused.TryRead(bytes, out Refused refused))
        {
            refused.Write(again);
            Same(bytes, again, Refused.MacOffset);
        }
        if (Challenge.TryRead(bytes, out Challenge challenge))
        {
            challenge.Write(again);
            Same(bytes, again, Challenge.MacOffset);
        }
        return isAccepted;

        void Same(ReadOnlySpan<byte> read, ReadOnlySpan<byte> written, int length)
        {
            isAccepted = true;
            FuzzFailure.Require(read[..length].SequenceEqual(written[..length]), "what was read is written in another way");
        }
    }
}

/// <summary>Control frames and the payloads that lie sealed inside messages.</summary>
internal sealed class PayloadTarget : FuzzTarget
{
    private readonly IReadOnlyList<byte[]> _corpus = Corpus.Files("payloads");

    public override string Name => "payloads";

    public override long MostAllocated(int length) => 65_536;

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[] model = random.Pick(_corpus);
        ByteField[] words = [.. Enumerable.Range(0, model.Length / 4).Select(i => new ByteField(4 * i, 4)), new(0, 1), new(1, 1), new(2, 2)];
        return new(ByteMutation.Mutate(random, model, words, _corpus, keepsLength: random.Chance(70)));
    }

    public override bool Take(FuzzInput input)
    {
        ReadOnlySpan<byte> bytes = input.Bytes;
        Span<byte> again = stackalloc byte[Bound.PlaintextSize];
        bool isAccepted = false;
        if (ControlFrame.TryRead(bytes, out ControlFrame frame))
        {
            frame.Write(again);
            Same(bytes, again[..ControlFrame.Size]);
        }
        if (InitiationPayload.TryRead(bytes, out InitiationPayload initiation))
        {
            initiation.Write(again);
            Same(bytes[..24], again[..24]);
        }
        if (ResponsePayload.TryRead(bytes, out ResponsePayload response))
        {
            response.Write(again);
            Same(bytes[..ResponsePayload.Size], again[..ResponsePayload.Size]);
        }
        if (Bound.TryReadPlaintext(bytes, out Bound bound))
        {
            isAccepted = true;
            FuzzFailure.Require(bound.Policy.Validate().Count == 0, "a policy that nobody may set");
            bound.WritePlaintext(again);
            FuzzFailure.Require(Bound.TryReadPlaintext(again, out Bound second), "what was read cannot be read again");
            FuzzFailure.Require(second.Policy == bound.Policy && second.Addresses.AsSpan().SequenceEqual(bound.Addresses.AsSpan()) && second.Version == bound.Version, "what was read is written in another way");
        }
        if (bytes.Length == PolicyBlock.Size)
        {
            SessionPolicy policy = PolicyBlock.Read(bytes);
            FuzzFailure.Require(policy.Validate().Count == 0, "a policy that nobody may set");
            isAccepted = true;
        }
        return isAccepted;

        void Same(ReadOnlySpan<byte> read, ReadOnlySpan<byte> written)
        {
            isAccepted = true;
            FuzzFailure.Require(read.SequenceEqual(written), "what was read is written in another way");
        }
    }
}

/// <summary>The replay window, told any counters in any order: what was accepted once is not accepted again.</summary>
internal sealed class WindowTarget : FuzzTarget
{
    public override string Name => "replay-window";

    public override long MostAllocated(int length) => 65_536 + (64L * length);

    public override FuzzInput? Draw(SimRandom random)
    {
        byte[] bytes = new byte[8 * random.Between(1, 200)];
        ulong near = random.Chance(20) ? random.Next() : (ulong)random.Below(100_000);
        for (int i = 0; i < bytes.Length; i += 8)
        {
            ulong counter = random.Below(12) switch
            {
                0 => random.Next(),
                1 => near + (ulong)random.Below(20_000),
                2 => near - (ulong)random.Below(10_000),
                _ => near += (ulong)random.Below(3),
            };
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i), counter);
        }
        return new(bytes);
    }

    public override bool Take(FuzzInput input)
    {
        var window = new ReplayWindow();
        Span<ulong> words = new ulong[ReplayWindow.Words];
        var seen = new HashSet<ulong>();
        bool any = false;
        for (int i = 0; i + 8 <= input.Bytes.Length; i += 8)
        {
            ulong counter = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(input.Bytes.AsSpan(i));
            if (!window.TryMark(words, counter)) continue;
            any = true;
            FuzzFailure.Require(seen.Add(counter), $"counter {counter} is accepted twice");
        }
        return any;
    }
}
