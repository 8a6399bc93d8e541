namespace JumpingVpn.Adversary.Codec;

/// <summary>Types and sizes of docs/PROTOCOL.md, section 4, written down a second time: this codec shares none of the program's.</summary>
public static class WireType
{
    public const byte Initiation = 1;
    public const byte Response = 2;
    public const byte Cookie = 3;
    public const byte Data = 4;
    public const byte Prepare = 5;
    public const byte Prepared = 6;
    public const byte Confirm = 7;
    public const byte Bound = 8;
    public const byte Refused = 9;
    public const byte Challenge = 10;
    public const byte Probe = 11;
    public const byte ProbeReply = 12;
    public const byte End = 13;
    public const byte Ended = 14;

    public const int InitiationSize = 200;
    public const int ResponseSize = 92;
    public const int CookieSize = 64;
    public const int PrepareSize = 268;
    public const int PreparedSize = 80;
    public const int ConfirmSize = 40;
    public const int BoundSize = 640;
    public const int RefusedSize = 72;
    public const int ProbeSize = 128;
    public const int ProbeReplySize = 96;
    public const int EndSize = 236;
    public const int EndedSize = 48;
    public const int TicketSize = 124;
    public const int IdSize = 16;
    public const int MacSize = 16;
}
