using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Sessions;

/// <summary>
/// Two separate budgets of moves (REQ-OSCILLATION-2): one for quality, one for dead or rebound paths, so that an attacker
/// who spends the first cannot strand the client.
/// </summary>
public readonly record struct SwitchBudgets(TokenBucket Quality, TokenBucket Recovery)
{
    /// <summary>Both full.</summary>
    public static readonly SwitchBudgets Full = new(TokenBucket.Full, TokenBucket.Full);

    /// <summary>True while one of them has no move left.</summary>
    public bool AreExceeded(Instant at, SessionPolicy policy) =>
        !Quality.Has(at, policy.QualityRate) || !Recovery.Has(at, policy.RecoveryRate);
}
