using JumpingVpn.Domain.Ports;
using JumpingVpn.Domain.Primitives;

namespace JumpingVpn.Domain.Protocol;

/// <summary>
/// Where datagrams of one transport come from and go to: the shell's socket, our address on it (unspecified where the
/// socket has only one) and the other side's address.
/// </summary>
public readonly record struct TransportAddress(int Socket, Endpoint Local, Endpoint Remote);

/// <summary>
/// One key epoch as the data plane needs it. An epoch is named by the receiver index that this side chose for it, which is
/// unique among this side's live epochs; its number is given only when the binding commits.
/// </summary>
/// <param name="Suite">The AEAD of its data packets.</param>
/// <param name="Send">Key of what this side sends.</param>
/// <param name="Receive">Key of what this side receives.</param>
/// <param name="LocalIndex">Receiver index in packets to this side.</param>
/// <param name="RemoteIndex">Receiver index in packets to the other side.</param>
public sealed record TrafficKeys(CipherSuite Suite, SecretHandle Send, SecretHandle Receive, uint LocalIndex, uint RemoteIndex);

/// <summary>
/// What the data plane has counted for a session's current epoch (the counters) and for the session (bytes and packets of
/// the inner traffic, control frames and keep-alives left out). Read without a lock: each number is right by itself.
/// </summary>
/// <param name="LocalIndex">The current epoch; 0 if none is bound.</param>
/// <param name="Sent">Number of data packets sent under the epoch: the next counter.</param>
/// <param name="HighestReceived">One more than the highest counter accepted under the epoch; 0 if none was.</param>
/// <param name="Received">Number of counters accepted under the epoch.</param>
/// <param name="LastReceived">When the last authentic packet from the bound source arrived; origin if none.</param>
/// <param name="LastSent">When the last packet was sent; origin if none.</param>
public readonly record struct TrafficCounters(
    uint LocalIndex,
    ulong Sent,
    ulong HighestReceived,
    ulong Received,
    Instant LastReceived,
    Instant LastSent,
    ulong ReceivedPackets,
    ulong ReceivedBytes,
    ulong SentPackets,
    ulong SentBytes);
