using System.Collections.Immutable;
using JumpingVpn.Fuzz.Tests.Cores;
using JumpingVpn.Fuzz.Tests.Kernel;
using JumpingVpn.Fuzz.Tests.Targets;

namespace JumpingVpn.Fuzz.Tests;

/// <summary>Everything that takes bytes from outside. A new format gets its target here, and its seeds in the corpus.</summary>
internal static class FuzzTargets
{
    /// <summary>By name: how each is made. A target belongs to one thread.</summary>
    public static ImmutableSortedDictionary<string, Func<FuzzTarget>> All { get; } = new Dictionary<string, Func<FuzzTarget>>
    {
        ["wire"] = () => new WireTarget(),
        ["payloads"] = () => new PayloadTarget(),
        ["replay-window"] = () => new WindowTarget(),
        ["noise"] = () => new NoiseTarget(),
        ["ticket"] = () => new TicketTarget(),
        ["state-file"] = () => new StateFileTarget(),
        ["gateway-core"] = () => new GatewayTarget(isReal: false),
        ["gateway-core-real"] = () => new GatewayTarget(isReal: true),
        ["client-core"] = () => new ClientTarget(isReal: false),
        ["client-core-real"] = () => new ClientTarget(isReal: true),
        ["hostile-client"] = () => new HostileClientTarget(),
        ["hostile-gateway"] = () => new HostileGatewayTarget(),
        ["envelopes"] = () => new EnvelopeTarget(),
        ["sessions"] = () => new SessionTarget(),
        ["segments"] = () => new SegmentTarget(),
        ["incidents"] = () => new IncidentTarget(),
        ["configuration"] = () => new ConfigurationTarget(),
        ["control-requests"] = () => new ControlRequestTarget(),
        ["control-replies"] = () => new ControlReplyTarget(),
        ["netlink"] = () => new NetlinkTarget(),
        ["tun"] = () => new TunTarget(),
        ["data-plane"] = () => new DataPlaneTarget(),
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    public static FuzzTarget Make(string name) => All[name]();
}
