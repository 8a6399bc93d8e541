namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>Which control datagrams pass by chance.</summary>
internal enum ShieldedControl
{
    None,
    Failing,
    AllButProven,
}

/// <summary>What the shield's program does.</summary>
/// <param name="Data">Data packets from sources of which nothing was proven pass by chance.</param>
/// <param name="DataShift">One of them in two to that power.</param>
/// <param name="ControlShift">Likewise of control datagrams.</param>
/// <param name="Sessions">Control datagrams that name a known session pass.</param>
internal readonly record struct ShieldPlan(bool Data, int DataShift, ShieldedControl Control, int ControlShift, bool Sessions)
{
    /// <summary>What comes from a source of which nothing is known passes by chance.</summary>
    public bool KeepsNewcomers => Data || Control == ShieldedControl.AllButProven;
}
