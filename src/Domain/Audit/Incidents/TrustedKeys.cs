using System.Collections.Immutable;
using LanguageExt;

namespace JumpingVpn.Domain.Audit.Incidents;

/// <summary>The keys that a reader trusts, each for one node or for any.</summary>
public sealed record TrustedKeys(ImmutableArray<(AuditKey Key, string? Node)> Keys)
{
    /// <summary>Keys of one file at most.</summary>
    public const int MaxKeys = 4096;

    public bool Has(string node, AuditKey key)
    {
        foreach ((AuditKey trusted, string? owner) in Keys)
            if (trusted == key && (owner is null || owner == node)) return true;
        return false;
    }

    /// <summary>
    /// Reads a file of keys: one a line in base64, then optionally the name of the only node that it is trusted for. Empty lines and lines
    /// that begin with # are passed over. Left, with the line, for anything else.
    /// </summary>
    public static Either<string, TrustedKeys> Parse(string text)
    {
        ImmutableArray<(AuditKey, string?)>.Builder keys = ImmutableArray.CreateBuilder<(AuditKey, string?)>();
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            string[] words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || words[0][0] == '#') continue;
            if (words.Length > 2 || !AuditKey.TryParse(words[0], out AuditKey key))
                return $"line {number}: not a key; 44 characters of base64 and optionally a node's name are expected, as auditkey prints them";
            if (keys.Count == MaxKeys) return $"line {number}: more than {MaxKeys} keys";
            keys.Add((key, words.Length == 2 ? words[1] : null));
        }
        return keys.Count == 0 ? "holds no key" : new TrustedKeys(keys.ToImmutable());
    }
}
