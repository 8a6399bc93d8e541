namespace JumpingVpn.Domain.Paths;

/// <summary>What is known of a path. The names are shown by `status`.</summary>
public enum PathState : byte
{
    /// <summary>Nothing has answered there yet.</summary>
    Unknown = 0,

    /// <summary>Its probes are answered.</summary>
    Live = 1,

    /// <summary>An answer is overdue, or somebody claims an error.</summary>
    Suspect = 2,

    /// <summary>The link is gone, or nothing answers there while others do.</summary>
    Dead = 3,
}
