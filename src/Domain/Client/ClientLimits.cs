namespace JumpingVpn.Domain.Client;

/// <summary>Numbers of the client that are no policy of the gateway. Each has its reason beside it.</summary>
public static class ClientLimits
{
    // Bounds.

    /// <summary>Paths that are tried and measured (DESIGN: at most 8).</summary>
    public const int Paths = 8;

    /// <summary>Gateway endpoints that are looked at, whatever a name resolves to.</summary>
    public const int Endpoints = 8;

    /// <summary>Uplinks that are looked at: a host with more has one of them chosen by its configuration.</summary>
    public const int Uplinks = 16;

    /// <summary>Paths that are prepared at once when the bound one is dead.</summary>
    public const int FirstCandidates = 2;

    /// <summary>Replaced epochs that still receive.</summary>
    public const int OldEpochs = 2;

    /// <summary>Times that a cookie makes one request be sent again at once; more would let an attacker drive us.</summary>
    public const int CookieRepeats = 3;

    /// <summary>Times that a newer binding version makes a reattach be tried again at once.</summary>
    public const int VersionRepeats = 4;

    /// <summary>Nonces that one write of the state file reserves: a jump every second for a quarter of an hour.</summary>
    public const ulong NonceBlock = 1024;

    // Handshake.

    /// <summary>Between the first initiations on different paths, so that a dead first uplink costs this much and no more.</summary>
    public static readonly TimeSpan HandshakeStagger = TimeSpan.FromMilliseconds(50);

    /// <summary>First repetition of an initiation; doubles up to <see cref="HandshakeRetryMax"/> with jitter.</summary>
    public static readonly TimeSpan HandshakeRetry = TimeSpan.FromMilliseconds(250);

    /// <summary>WireGuard's Rekey-Timeout (the WireGuard paper, 6.1).</summary>
    public static readonly TimeSpan HandshakeRetryMax = TimeSpan.FromSeconds(5);

    /// <summary>Age at which an unanswered initiation gets a new ephemeral key (WireGuard's Rekey-Attempt-Time).</summary>
    public static readonly TimeSpan InitiationLifetime = TimeSpan.FromSeconds(90);

    /// <summary>How long a handshake's CONFIRM waits for BOUND before all begins anew: the gateway's store may be slow.</summary>
    public static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(3);

    /// <summary>Pause after a session that ended, doubled with each that follows, with jitter.</summary>
    public static readonly TimeSpan ReconnectPause = TimeSpan.FromSeconds(1);

    /// <summary>Bound of that doubling.</summary>
    public static readonly TimeSpan ReconnectPauseMax = TimeSpan.FromSeconds(60);

    /// <summary>A session that lived this long resets the pause.</summary>
    public static readonly TimeSpan SettledAfter = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long the gateway may be silent about a session before it is asked by a handshake whether it lives at all. Its silence
    /// may mean that it cannot open the ticket any more, and then the session would wait for ever.
    /// </summary>
    public static readonly TimeSpan StrandedAfter = TimeSpan.FromSeconds(30);

    /// <summary>How long it then has to answer for the session.</summary>
    public static readonly TimeSpan DisownedAfter = TimeSpan.FromSeconds(5);

    // CONFIRM.

    /// <summary>Between the first <see cref="QuickConfirms"/> repetitions of a CONFIRM.</summary>
    public static readonly TimeSpan ConfirmRetry = TimeSpan.FromMilliseconds(20);

    /// <summary>Number of quick repetitions.</summary>
    public const int QuickConfirms = 5;

    /// <summary>Between the later ones: from 50 ms, doubling up to this.</summary>
    public static readonly TimeSpan ConfirmRetryMax = TimeSpan.FromMilliseconds(200);

    /// <summary>Tokens that one attempt confirms: its own, and those of copies of its PREPARE that overtake it.</summary>
    public const int Tokens = 9;

    // Reattach.

    /// <summary>First repetition of a PREPARE that nobody answers.</summary>
    public static readonly TimeSpan PrepareRetry = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest pause between repetitions while the reattach is eager.</summary>
    public static readonly TimeSpan PrepareRetryEager = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a reattach is eager.</summary>
    public static readonly TimeSpan EagerFor = TimeSpan.FromSeconds(10);

    /// <summary>Longest pause between repetitions afterwards.</summary>
    public static readonly TimeSpan PrepareRetryMax = TimeSpan.FromSeconds(5);

    /// <summary>Shortest time that a CONFIRM waits for BOUND before other paths are tried as well.</summary>
    public static readonly TimeSpan ReattachPatience = TimeSpan.FromMilliseconds(300);

    /// <summary>Time after which a reattach that was not urgent (another path is better, new keys) is given up.</summary>
    public static readonly TimeSpan GentleReattachPatience = TimeSpan.FromSeconds(3);

    /// <summary>How long a silence on every path may pass for a hiccup; then the transport counts as dead.</summary>
    public static readonly TimeSpan TentativeFor = TimeSpan.FromSeconds(1);

    /// <summary>Longest time that a rebound path is tried alone before others are tried as well: two round trips, and at least `PrepareRetry`.</summary>
    public static readonly TimeSpan ReboundAlone = TimeSpan.FromMilliseconds(150);

    /// <summary>Age at which an unanswered PREPARE gets a new nonce and key share: well below the gateway's memory of it.</summary>
    public static readonly TimeSpan PrepareLifetime = TimeSpan.FromSeconds(5);

    /// <summary>How long the old epoch still receives after a bind.</summary>
    public static readonly TimeSpan OldEpochLifetime = TimeSpan.FromSeconds(3);

    /// <summary>Pause after a reattach that was not urgent failed.</summary>
    public static readonly TimeSpan GentleRetryPause = TimeSpan.FromSeconds(10);

    // Cookies, ends, sockets, files.

    /// <summary>The gateway's cookies live this long (WireGuard 5.4.7).</summary>
    public static readonly TimeSpan CookieLifetime = TimeSpan.FromSeconds(120);

    /// <summary>Between repetitions of an END.</summary>
    public static readonly TimeSpan EndRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>How long an END is repeated before the client goes on without an answer.</summary>
    public static readonly TimeSpan EndPatience = TimeSpan.FromMilliseconds(1500);

    /// <summary>How long a stopping client waits for its state file.</summary>
    public static readonly TimeSpan SavePatience = TimeSpan.FromSeconds(3);

    /// <summary>Pause before a failed state file or socket is tried again.</summary>
    public static readonly TimeSpan SaveRetry = TimeSpan.FromSeconds(5);

    /// <summary>Pause before a socket that could not be opened is tried again.</summary>
    public static readonly TimeSpan SocketRetry = TimeSpan.FromSeconds(1);

    /// <summary>How long nothing may answer on any path before the endpoints are resolved again, and between resolutions.</summary>
    public static readonly TimeSpan ResolveAfter = TimeSpan.FromSeconds(5);
}
