using JumpingVpn.Domain.Client;
using JumpingVpn.Infrastructure.Linux;

namespace JumpingVpn.Infrastructure.Shell;

/// <summary>What the kernel's error numbers mean for a path.</summary>
public static class SendProblems
{
    public static SendProblem Of(int errno) => errno switch
    {
        Libc.EMSGSIZE => SendProblem.TooBig,
        // These come from ICMP messages, which anybody may have forged.
        Libc.ECONNREFUSED or Libc.EHOSTUNREACH => SendProblem.Icmp,
        _ => SendProblem.Local,
    };
}
