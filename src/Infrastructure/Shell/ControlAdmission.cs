using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>
/// All that a control datagram passes before a gateway's core takes it, cheap before dear: its form and mark, its proof, and for what nothing in
/// memory can prove the cookie under load (docs/PROTOCOL.md, order of checks). One thread; allocates nothing.
/// </summary>
public sealed class ControlAdmission(ControlFilter filter, ProofGate gate)
{
    /// <summary>Judges a datagram; <paramref name="reason"/> says why it is not passed on.</summary>
    /// <param name="state">The core's state after its last step.</param>
    public AdmissionVerdict Check(GatewayState state, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, out ReasonCode reason)
    {
        reason = filter.CheckForm(datagram);
        if (reason != ReasonCode.None) return AdmissionVerdict.Drop;
        return gate.Check(state, source, datagram, now, out reason) switch
        {
            GateVerdict.Proven => AdmissionVerdict.Pass,
            GateVerdict.Unproven => filter.Admit(datagram, source.Remote, now, out reason),
            _ => AdmissionVerdict.Drop,
        };
    }

    /// <summary>False if the session has said more control frames than any client needs.</summary>
    public bool AllowsFrame(SessionId session, Instant now) => gate.AllowsFrame(session, now);

    /// <inheritdoc cref="ControlFilter.MakeCookie"/>
    public void MakeCookie(ReadOnlySpan<byte> datagram, Endpoint source, SecretHandle seed, Span<byte> answer) => filter.MakeCookie(datagram, source, seed, answer);
}
