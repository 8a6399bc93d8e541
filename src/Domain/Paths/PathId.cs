using System.Globalization;

namespace JumpingVpn.Domain.Paths;

/// <summary>The client's number for one of its paths (uplink, gateway endpoint). One byte on the wire; 0 is a path too.</summary>
public readonly record struct PathId(byte Value) : IComparable<PathId>
{
    public int CompareTo(PathId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
