using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.Linux.Neighbours;

/// <summary>Answers for the inner addresses of sessions on other networks. Neither call waits for the network.</summary>
public interface INeighbourAnnouncer
{
    /// <summary>The session is served here from now on; of one that is announced already nothing is said again.</summary>
    void Announce(SessionId session, IReadOnlyList<IpPrefix> prefixes);

    /// <summary>The session is not served here any more: nobody is answered about it from here on.</summary>
    void Withdraw(SessionId session);
}
