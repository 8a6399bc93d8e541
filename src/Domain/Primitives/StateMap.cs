using System.Collections.Immutable;

namespace JumpingVpn.Domain.Primitives;

/// <summary>
/// Sorted maps of immutable state. Setting an entry compares the old value with the new one; by reference that costs nothing, while
/// the equality of a record walks through all that it holds, and LanguageExt's types search every assembly at their first comparison.
/// </summary>
internal static class StateMap
{
    public static ImmutableSortedDictionary<TKey, TValue> Empty<TKey, TValue>()
        where TKey : notnull
        where TValue : class =>
        ImmutableSortedDictionary.Create<TKey, TValue>(null, ReferenceEqualityComparer.Instance);
}
