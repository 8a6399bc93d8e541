using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;
using JumpingVpn.Infrastructure.Crypto;
using JumpingVpn.Infrastructure.DataPlane;
using JumpingVpn.Infrastructure.Linux;
using JumpingVpn.Infrastructure.Shell;

namespace JumpingVpn.Node.Running;

/// <summary>
/// From the packet threads to the gateway core: control datagrams are admitted here, on the receiving thread, so that a
/// flood of refused ones costs the core nothing.
/// </summary>
internal sealed class GatewayEvents(
    ControlAdmission admission, SodiumCryptography crypto, IReadOnlyDictionary<int, UdpSocket> sockets, NodeReports log, Func<Instant> clock)
    : IDataPlaneEvents, IKnownSources
{
    private GatewayShell? _shell;

    /// <summary>Before the shell is there, everything is dropped: clients repeat what they sent.</summary>
    public void Attach(GatewayShell shell) => Volatile.Write(ref _shell, shell);

    public ControlVerdict ControlDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant received)
    {
        if (Volatile.Read(ref _shell) is not { } shell) return ControlVerdict.Taken;
        AdmissionResult judged = admission.Check(shell.State, source, datagram, received, BootClock.Now());
        switch (judged.Verdict)
        {
            case AdmissionVerdict.Pass:
                if (!shell.TryPostDatagram(new GatewayInput.DatagramReceived(source, datagram.ToArray()))) log.Rejection(ReasonCode.RateLimited, source.Remote, null);
                return ControlVerdict.Taken;
            case AdmissionVerdict.SendCookie:
                log.Rejection(judged.Reason, source.Remote, null);
                SendCookie(source, datagram);
                break;
            default:
                log.Rejection(judged.Reason, source.Remote, null);
                break;
        }
        return (judged.IsVain, judged.Source) switch
        {
            (false, _) or (_, SourceRecord.Proven) => ControlVerdict.Taken,
            (_, SourceRecord.Failing) => judged.NamesSession ? ControlVerdict.RefusedAgainNaming : ControlVerdict.RefusedAgain,
            _ => judged.NamesSession ? ControlVerdict.RefusedNaming : ControlVerdict.Refused,
        };
    }

    int IKnownSources.Capacity => admission.Standing.Capacity;

    int IKnownSources.Version => admission.Version;

    int IKnownSources.Read(SourceRecord record, Span<Endpoint> sources, Instant now) => admission.Standing.Read(record, sources, now);

    int IKnownSources.ReadSessions(Span<SessionId> sessions, Instant now) =>
        Volatile.Read(ref _shell) is { } shell ? admission.ReadSessions(shell.State, sessions, now) : 0;

    void IKnownSources.Shielded(int socket, bool isUp, double perSecond)
    {
        Endpoint local = sockets.TryGetValue(socket, out UdpSocket? open) ? open.Local : default;
        if (isUp) log.Warning($"flood on {local}: {perSecond:0} datagrams a second are refused; the kernel drops most of them from now on");
        else log.Information($"the flood on {local} is over");
    }

    private void SendCookie(TransportAddress source, ReadOnlySpan<byte> datagram)
    {
        if (!sockets.TryGetValue(source.Socket, out UdpSocket? socket)) return;
        Span<byte> cookie = stackalloc byte[Cookie.Size];
        SecretHandle seed = crypto.GenerateSecret();
        admission.MakeCookie(datagram, source.Remote, seed, cookie);
        crypto.Release(seed);
        _ = socket.TrySendTo(source.Remote, source.Local.IsUnspecified ? null : source.Local.Address, cookie);
    }

    public void ControlFrame(SessionId session, uint localIndex, ReadOnlySpan<byte> frame)
    {
        if (Volatile.Read(ref _shell) is not { } shell) return;
        if (!admission.AllowsFrame(session, clock()) || !shell.TryPostDatagram(new GatewayInput.FrameReceived(session, localIndex, frame.ToArray())))
            log.Rejection(ReasonCode.RateLimited, default, session);
    }

    public void UnboundSource(SessionId session, uint localIndex, ulong counter, TransportAddress source) =>
        Volatile.Read(ref _shell)?.TryPostDatagram(new GatewayInput.UnboundSourceSeen(session, localIndex, counter, source));

    public void TrafficResumed(SessionId session)
    {
        // Only a client reports while traffic flows; a gateway never arms this.
    }

    public void EpochHeard(SessionId session, uint localIndex)
    {
        // A gateway knows what it has bound; only a client has to learn it.
    }

    public void SendFailed(int socket, int errno) => log.SendFailed(socket, errno);
}
