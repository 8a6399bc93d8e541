using System.Globalization;
using JumpingVpn.Domain.Sessions;
using LanguageExt;

namespace JumpingVpn.Replay;

/// <summary>
/// Reads a policy: lines `name: value` as in the configuration's `policy` section (which may stand around them), on top of the policy that
/// the incident was decided under. Durations as `250ms`, `30s`, `12h`, `90d`.
/// </summary>
internal static class PolicyText
{
    /// <summary>Left, with the line, for what is no such line, an unknown name, or a value outside of its range.</summary>
    public static Either<string, SessionPolicy> Parse(string text, SessionPolicy start)
    {
        SessionPolicy policy = start;
        var seen = new System.Collections.Generic.HashSet<string>(StringComparer.Ordinal);
        int number = 0;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = raw.Split('#')[0].Trim();
            if (line.Length == 0 || line == "policy:") continue;
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string name = colon < 0 ? line : line[..colon].Trim(), value = colon < 0 ? "" : line[(colon + 1)..].Trim().Trim('"', '\'');
            if (colon < 0) return $"line {number}: 'name: value' is expected";
            if (PolicyKnobs.Find(name) is not { } knob) return $"line {number}: there is no policy setting '{Printable.OneLine(name)}'";
            if (!seen.Add(name)) return $"line {number}: {name} stands twice";
            if (Number(knob, value) is not { } parsed || parsed < knob.Min || parsed > knob.Max)
                return $"line {number}: {name}: '{Printable.OneLine(value)}' is not within {knob.Format(knob.Min)} to {knob.Format(knob.Max)}";
            policy = knob.With(policy, parsed);
        }
        return policy.Validate() is [string problem, ..] ? problem : policy;
    }

    private static long? Number(PolicyKnob knob, string text)
    {
        if (knob.Unit != PolicyUnit.Duration)
            return long.TryParse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.None, CultureInfo.InvariantCulture, out long count) ? count : null;
        (string Suffix, decimal Micros)[] units = [("ms", 1_000m), ("s", 1_000_000m), ("m", 60_000_000m), ("h", 3_600_000_000m), ("d", 86_400_000_000m)];
        foreach ((string suffix, decimal micros) in units)
        {
            if (text.Length <= suffix.Length || !text.EndsWith(suffix, StringComparison.Ordinal)) continue;
            if (!decimal.TryParse(text[..^suffix.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal amount)) continue;
            return amount < 1_000_000_000 ? (long)(amount * micros) : null;
        }
        return null;
    }
}
