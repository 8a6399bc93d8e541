namespace JumpingVpn.Infrastructure.DataPlane;

/// <summary>What became of a datagram, as far as floods are concerned.</summary>
internal enum Outcome
{
    /// <summary>It came in vain: a data packet that nobody but an epoch's source could have sent rightly, and that source did not.</summary>
    VainData,

    /// <inheritdoc cref="ControlVerdict.Refused"/>
    Refused,

    /// <inheritdoc cref="ControlVerdict.RefusedAgain"/>
    RefusedAgain,

    /// <inheritdoc cref="ControlVerdict.RefusedNaming"/>
    RefusedNaming,

    /// <inheritdoc cref="ControlVerdict.RefusedAgainNaming"/>
    RefusedAgainNaming,

    /// <summary>It did something, or came from where it should.</summary>
    Taken,
}
