namespace JumpingVpn.Node.Lab.Faults;

/// <summary>Something that happens to a transport. It must be seen to have happened before a measurement counts.</summary>
public abstract class LabFault(LabTopology topology)
{
    /// <summary>What happens, in a few words.</summary>
    public abstract string Name { get; }

    protected LabTopology Topology => topology;

    /// <summary>What must be so before it can happen; runs while the probes flow, well before the measurement.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>Makes it happen.</summary>
    public abstract void Apply();

    /// <summary>
    /// Observes that the fault did what it says, and throws <see cref="LabException"/> otherwise. Called after
    /// <see cref="Apply"/> and after traffic had time to meet the fault, before <see cref="Lift"/>.
    /// </summary>
    public abstract void AssertTookHold();

    /// <summary>Ends it. What cannot be undone (a new address) stays.</summary>
    public abstract void Lift();

    /// <summary>True once everything that it brings about has come about; the measurement goes on until then.</summary>
    public virtual bool HasPlayedOut() => true;

    protected void Require(bool condition, string observation)
    {
        if (!condition) throw new LabException($"the fault `{Name}` did not take hold: {observation}");
    }
}
