using System.Globalization;
using JumpingVpn.Domain.EventStore;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads `policy`: the knobs of <see cref="PolicyKnobs"/>, and the event store's bounds.</summary>
internal static class PolicyReader
{
    /// <summary>Fewer live events would compact without end; more make a takeover slow.</summary>
    private const int MinLiveEvents = 16, MaxLiveEvents = 1024;

    public static (SessionPolicy Policy, StorePolicy Store) Read(Section section)
    {
        SessionPolicy policy = SessionPolicy.Default;
        StorePolicy store = StorePolicy.Default;
        if (section.Nested("policy") is not { } knobs) return (policy, store);
        bool inRange = true;
        foreach (PolicyKnob knob in PolicyKnobs.All)
        {
            if (knobs.Scalar(knob.Name) is not { } scalar) continue;
            if (!TryRead(knob, scalar.Text, out long value)) knobs.Fail(scalar.Line, knob.Name, $"{Printable.Quoted(scalar.Text)} is no {Kind(knob)} ({knob.Summary})");
            else if (value < knob.Min || value > knob.Max)
                knobs.Fail(scalar.Line, knob.Name, $"{scalar.Text} is out of range; {knob.Format(knob.Min)} to {knob.Format(knob.Max)} is allowed ({knob.Summary})");
            else
            {
                policy = knob.With(policy, value);
                continue;
            }
            inRange = false;
        }
        store = new(
            knobs.Integer("max_live_events", store.MaxLiveEvents, MinLiveEvents, MaxLiveEvents),
            knobs.Integer("events_per_client_day", store.EventsPerClientDay, 100, 10_000_000),
            knobs.Integer("sessions_per_client_day", store.SessionsPerClientDay, 10, 1_000_000),
            knobs.Duration("ended_retention", store.EndedRetention, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30)));
        // How two knobs must stand to each other can be said only once each is right by itself.
        if (inRange)
        {
            foreach (string problem in policy.Validate())
            {
                string name = problem.Split(':')[0];
                knobs.Fail(knobs.LineOf(name), name, problem[(name.Length + 1)..].Trim());
            }
        }
        knobs.Done();
        return (policy, store);
    }

    private static bool TryRead(PolicyKnob knob, string text, out long value)
    {
        value = 0;
        switch (knob.Unit)
        {
            case PolicyUnit.Duration:
                if (!Duration.TryParse(text, out TimeSpan span)) return false;
                value = span.Ticks / TimeSpan.TicksPerMicrosecond;
                return true;
            case PolicyUnit.Ppm when text.EndsWith('%'):
                if (!decimal.TryParse(text.AsSpan(0, text.Length - 1).TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal percent) || percent > 100)
                    return false;
                value = (long)(percent * 10_000);
                return true;
            default:
                return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        }
    }

    private static string Kind(PolicyKnob knob) => knob.Unit switch
    {
        PolicyUnit.Duration => "duration; write one as 250ms, 30s, 5m, 12h or 90d",
        PolicyUnit.Ppm => "share; write one as 5%, or as millionths",
        _ => "whole number",
    };
}
