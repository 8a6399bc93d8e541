using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>What the receiving thread asks about sources while it is flooded, and tells. Called on that thread alone.</summary>
public interface IKnownSources
{
    /// <inheritdoc cref="SourceStanding.Capacity"/>
    int Capacity { get; }

    /// <inheritdoc cref="Shell.ControlAdmission.Version"/>
    int Version { get; }

    /// <inheritdoc cref="SourceStanding.Read"/>
    int Read(SourceRecord record, Span<Endpoint> sources, Instant now);

    /// <inheritdoc cref="Shell.ControlAdmission.ReadSessions"/>
    int ReadSessions(Span<SessionId> sessions, Instant now);

    /// <summary>The kernel keeps a flood from a socket from now on, or no longer. May come again and again while a flood comes and goes.</summary>
    /// <param name="socket">The shell's number of it.</param>
    /// <param name="perSecond">Datagrams that came in vain, a second.</param>
    void Shielded(int socket, bool isUp, double perSecond);
}
