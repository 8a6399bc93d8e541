using JumpingVpn.Simulation.Tests.Kernel;

namespace JumpingVpn.Fuzz.Tests.Kernel;

/// <summary>One input: its bytes, and what else a target has to know of it (which situation, by which way).</summary>
internal sealed record FuzzInput(byte[] Bytes, int Situation = 0, int Way = 0);

/// <summary>
/// Something that takes bytes from outside. The same numbers drawn give the same input, and taking one leaves nothing behind that a
/// later one could meet, so that any input can be made and taken again by its number alone. Used by one thread.
/// </summary>
internal abstract class FuzzTarget : IDisposable
{
    public abstract string Name { get; }

    /// <summary>Most bytes on the managed heap that an input of that length may cost.</summary>
    public virtual long MostAllocated(int length) => 16_384 + (64L * length);

    /// <summary>Longest time that an input may take.</summary>
    public virtual TimeSpan MostTime => TimeSpan.FromMilliseconds(200);

    /// <summary>True if single numbers may come to nothing but refusals: whoever holds no key is always refused.</summary>
    public virtual bool RefusesAll => false;

    /// <summary>Makes an input; null if this one came out as something that is allowed to have an effect.</summary>
    public abstract FuzzInput? Draw(SimRandom random);

    /// <summary>Takes it; true if it was accepted. Any exception is a finding.</summary>
    public abstract bool Take(FuzzInput input);

    public void Dispose() => Close();

    /// <summary>Gives back what it holds outside of the managed heap.</summary>
    protected virtual void Close()
    {
    }
}
