using System.Collections;
using System.Collections.Immutable;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// The inner addresses of a session, in the registry's order: at most <see cref="SessionLimits.MaxAddresses"/>, compared
/// by content.
/// </summary>
public sealed class AddressSet : IReadOnlyList<IpPrefix>, IEquatable<AddressSet>
{
    /// <summary>No address.</summary>
    public static readonly AddressSet Empty = new([]);

    private readonly ImmutableArray<IpPrefix> items;

    private AddressSet(ImmutableArray<IpPrefix> items) => this.items = items;

    public int Count => items.Length;

    public IpPrefix this[int index] => items[index];

    /// <summary>False if there are more than <see cref="SessionLimits.MaxAddresses"/>.</summary>
    public static bool TryCreate(IEnumerable<IpPrefix> prefixes, out AddressSet addresses)
    {
        addresses = Empty;
        ImmutableArray<IpPrefix> taken = [.. prefixes.Take(SessionLimits.MaxAddresses + 1)];
        if (taken.Length > SessionLimits.MaxAddresses) return false;
        addresses = new(taken);
        return true;
    }

    public bool Equals(AddressSet? other) => other is not null && items.AsSpan().SequenceEqual(other.items.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as AddressSet);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (IpPrefix prefix in items) hash.Add(prefix);
        return hash.ToHashCode();
    }

    public ImmutableArray<IpPrefix>.Enumerator GetEnumerator() => items.GetEnumerator();

    IEnumerator<IpPrefix> IEnumerable<IpPrefix>.GetEnumerator() => ((IEnumerable<IpPrefix>)items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable)items).GetEnumerator();

    public override string ToString() => string.Join(",", items);
}
