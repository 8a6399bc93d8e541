using System.Globalization;

namespace JumpingVpn.Domain.Paths;

/// <summary>The client's number for one of its paths (uplink, gateway endpoint). Four bytes on the wire.</summary>
public readonly record struct PathId(uint Value) : IComparable<PathId>
{
    public int CompareTo(PathId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
