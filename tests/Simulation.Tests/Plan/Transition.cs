using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Simulation.Tests.Plan;

/// <summary>
/// All that can happen to a simulated world besides the passing of time. Closed: a scenario is a list of these, and what is none of
/// them does not happen. What lasts says for how long.
/// </summary>
internal abstract record Transition
{
    private Transition()
    {
    }

    /// <summary>An uplink stops to carry, in the way that <paramref name="Fault"/> says.</summary>
    public sealed record UplinkFails(int Client, int Uplink, LinkFault Fault, TimeSpan For) : Transition;

    public sealed record UplinkDegrades(int Client, int Uplink, int LossPercent, int DuplicatePercent, TimeSpan Delay, TimeSpan Jitter, TimeSpan For) : Transition;

    /// <summary>The NAT box forgets its table: another port, or another address.</summary>
    public sealed record NatRebinds(int Client, int Uplink, bool NewAddress) : Transition;

    /// <summary>The uplink's own address changes; the kernel tells after <paramref name="EventAfter"/>.</summary>
    public sealed record AddressChanges(int Client, int Uplink, TimeSpan EventAfter) : Transition;

    /// <summary>The path takes smaller packets from now on.</summary>
    public sealed record MtuShrinks(int Client, int Uplink, int Mtu, bool IsLocal) : Transition;

    /// <summary>SIGKILL, and a start some time later; of the whole machine if it <paramref name="Reboots"/>.</summary>
    public sealed record GatewayDies(TimeSpan For, int Node = 0, bool Reboots = false) : Transition;

    /// <summary>SIGTERM: sessions are handed over, the process ends, and starts again some time later.</summary>
    public sealed record GatewayDrains(TimeSpan For, int Node = 0) : Transition;

    /// <summary>SIGSTOP and SIGCONT; or the machine is suspended, which loses what arrives meanwhile. Its clock goes on either way.</summary>
    public sealed record GatewayPauses(TimeSpan For, int Node = 0, bool IsDeaf = false) : Transition;

    /// <summary>Nothing passes between a client and a node.</summary>
    public sealed record ClientLosesNode(int Client, int Node, TimeSpan For) : Transition;

    /// <summary>Nothing passes between a node and the store.</summary>
    public sealed record NodeLosesStore(int Node, TimeSpan For) : Transition;

    public sealed record StoreIsAway(TimeSpan For) : Transition;

    public sealed record StoreIsSlow(TimeSpan Latency, TimeSpan For) : Transition;

    /// <summary>Some appends are stored, or not, and nobody says which.</summary>
    public sealed record StoreLosesAnswers(int Percent, TimeSpan For) : Transition;

    /// <summary>Some appends are carried out only seconds after their node has stopped to wait.</summary>
    public sealed record AppendsComeLate(int Percent, TimeSpan For) : Transition;

    public sealed record NoticesGetLost(int Percent, TimeSpan For) : Transition;

    /// <summary>The driver hands some appends in twice.</summary>
    public sealed record StoreRepeats(int Percent, TimeSpan For) : Transition;

    /// <summary>SIGKILL of a client, and a start some time later, perhaps without its state file.</summary>
    public sealed record ClientDies(int Client, bool LosesState, TimeSpan For) : Transition;

    /// <summary>SIGTERM of a client, and a start some time later.</summary>
    public sealed record ClientStops(int Client, TimeSpan For) : Transition;

    public sealed record ClientPauses(int Client, TimeSpan For) : Transition;

    public sealed record DiskFails(int Client, int Percent, TimeSpan For) : Transition;

    /// <summary>All timers come late, as on a host under load.</summary>
    public sealed record TimersLag(TimeSpan By, TimeSpan For) : Transition;

    /// <summary>An operator ends the client's session.</summary>
    public sealed record OperatorEnds(int Client) : Transition;

    /// <summary>The client leaves the registry. A sole gateway starts again with the new one; nodes that share a store hear of it.</summary>
    public sealed record ClientIsRemoved(int Client) : Transition;

    /// <summary>A directory without the client's state: the process is started once more beside the running one, from a copy of its state file.</summary>
    public sealed record ClientIsCopied(int Client, TimeSpan For) : Transition;

    public sealed record TrafficPauses(int Client, bool Up, bool Down, TimeSpan For) : Transition;

    /// <summary>Recorded datagrams are sent once more, under their sender's address or another.</summary>
    public sealed record AttackerReplays(int Count, bool Spoofs, TimeSpan Within) : Transition;

    /// <summary>Recorded datagrams are sent once more with one protected bit flipped.</summary>
    public sealed record AttackerFlips(int Count, bool Spoofs, TimeSpan Within) : Transition;

    /// <summary>Every initiation, PREPARE and CONFIRM is copied and arrives first, from the attacker's address.</summary>
    public sealed record AttackerRaces(TimeSpan For) : Transition;

    /// <summary>Initiations are changed and their MAC1, for which the gateway's public key is enough, made right again.</summary>
    public sealed record AttackerReseals(int Count, TimeSpan Within) : Transition;

    /// <summary>Every question of a client is answered first by the attacker, under the gateway's address and with the right index.</summary>
    public sealed record AttackerAnswers(TimeSpan For) : Transition;

    /// <summary>Datagrams of plausible type and length with random contents.</summary>
    public sealed record AttackerInvents(int Count, bool Spoofs, TimeSpan Within) : Transition;
}

/// <summary>How an uplink fails.</summary>
internal enum LinkFault
{
    /// <summary>Carrier is lost, and the kernel says so.</summary>
    LinkDown,

    /// <summary>Carrier is lost, and the kernel says so late.</summary>
    LinkDownLate,

    /// <summary>Nothing passes, and nobody says so.</summary>
    Silent,

    /// <summary>Nothing from the client passes.</summary>
    SilentUp,

    /// <summary>Nothing to the client passes.</summary>
    SilentDown,
}

/// <summary>What happens when.</summary>
internal readonly record struct Scheduled(TimeSpan At, Transition What)
{
    public override string ToString() => $"{At.TotalMilliseconds,8:0} ms  {What}";
}
