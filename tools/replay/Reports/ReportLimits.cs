namespace JumpingVpn.Replay.Reports;

/// <summary>What one page holds at most, whatever the file holds: a browser must be able to open it. The page says what it leaves out.</summary>
internal static class ReportLimits
{
    /// <summary>Versions of the session; the newest stay.</summary>
    public const int Steps = 50_000;

    /// <summary>Refusals, links and what clients saw, in rows; the newest stay.</summary>
    public const int Sightings = 50_000;

    /// <summary>Paths with plots; those with the most samples stay.</summary>
    public const int Paths = 24;

    /// <summary>Clients with lanes of their own.</summary>
    public const int Clients = 8;

    /// <summary>Points of all plots together; a lane with more than its share shows the worst of each stretch.</summary>
    public const int Points = 200_000;

    /// <summary>Rows of each table of the summary.</summary>
    public const int SummaryRows = 100;
}
