using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace JumpingVpn.Node.Lab;

/// <summary>One translation that a router holds: the inside source, and the outside address and port that stand for it.</summary>
public sealed record LabMapping(byte Protocol, IPEndPoint Inside, IPEndPoint Outside);

/// <summary>
/// Reads and flushes a router's connection tracking table by netlink (linux/netfilter/nfnetlink_conntrack.h), so that the lab
/// needs no tool for it.
/// </summary>
public static class LabConntrack
{
    private const int NetlinkNetfilter = 12;
    private const ushort TypeGet = 0x0101;
    private const ushort TypeDelete = 0x0102;
    private const ushort FlagsDump = 0x0301;
    private const ushort FlagsAcknowledge = 0x0005;
    private const ushort MessageError = 2;
    private const ushort MessageDone = 3;
    private const int HeaderSize = 16;
    private const int FamilyHeaderSize = 4;
    private const int AnswerMilliseconds = 2000;

    /// <summary>Forgets every connection.</summary>
    public static void Flush(LabNamespace router) => Ask(router, TypeDelete, FlagsAcknowledge, _ => { });

    /// <summary>The translations of UDP and TCP that the router holds now.</summary>
    public static IReadOnlyList<LabMapping> Mappings(LabNamespace router)
    {
        List<LabMapping> mappings = [];
        Ask(router, TypeGet, FlagsDump, attributes =>
        {
            if (Read(attributes) is { } mapping) mappings.Add(mapping);
        });
        return mappings;
    }

    private delegate void OnEntry(ReadOnlySpan<byte> attributes);

    private static void Ask(LabNamespace router, ushort type, ushort flags, OnEntry onEntry)
    {
        using SafeFileHandle socket = router.Run(() => LabNative.OpenNetlink(NetlinkNetfilter));
        Span<byte> request = stackalloc byte[HeaderSize + FamilyHeaderSize];
        request.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(request[6..], flags);
        if (LabNative.TrySend(socket, request) != request.Length) throw new LabException($"{router}: connection tracking does not take requests");
        byte[] buffer = new byte[65536];
        while (true)
        {
            if (!LabNative.WaitReadable(socket, AnswerMilliseconds)) throw new LabException($"{router}: connection tracking does not answer");
            int received = LabNative.TryReceive(socket, buffer);
            if (received <= 0) throw new LabException($"{router}: connection tracking cannot be read");
            if (Walk(router, buffer.AsSpan(0, received), onEntry)) return;
        }
    }

    /// <summary>True when the answer is complete.</summary>
    private static bool Walk(LabNamespace router, ReadOnlySpan<byte> messages, OnEntry onEntry)
    {
        while (messages.Length >= HeaderSize)
        {
            int length = MemoryMarshal.Read<int>(messages);
            ushort type = MemoryMarshal.Read<ushort>(messages[4..]);
            if (type == MessageDone) return true;
            if (type == MessageError)
            {
                int error = MemoryMarshal.Read<int>(messages[HeaderSize..]);
                return error == 0 ? true : throw new LabException($"{router}: connection tracking refuses (errno {-error})");
            }

            onEntry(messages[(HeaderSize + FamilyHeaderSize)..length]);
            messages = messages[Math.Min(Aligned(length), messages.Length)..];
        }

        return false;
    }

    private static LabMapping? Read(ReadOnlySpan<byte> entry)
    {
        const int Original = 1, Reply = 2;
        (byte protocol, IPAddress? source, ushort sourcePort, _, _) = ReadTuple(Attribute(entry, Original));
        (_, _, _, IPAddress? outside, ushort outsidePort) = ReadTuple(Attribute(entry, Reply));
        return source is null || outside is null ? null : new LabMapping(protocol, new(source, sourcePort), new(outside, outsidePort));
    }

    private static (byte Protocol, IPAddress? Source, ushort SourcePort, IPAddress? Destination, ushort DestinationPort) ReadTuple(ReadOnlySpan<byte> tuple)
    {
        ReadOnlySpan<byte> addresses = Attribute(tuple, 1);
        ReadOnlySpan<byte> protocol = Attribute(tuple, 2);
        ReadOnlySpan<byte> number = Attribute(protocol, 1);
        ReadOnlySpan<byte> sourcePort = Attribute(protocol, 2);
        ReadOnlySpan<byte> destinationPort = Attribute(protocol, 3);
        if (sourcePort.Length < 2 || destinationPort.Length < 2) return default;
        return (
            number[0],
            Address(addresses, 1, 3),
            BinaryPrimitives.ReadUInt16BigEndian(sourcePort),
            Address(addresses, 2, 4),
            BinaryPrimitives.ReadUInt16BigEndian(destinationPort));
    }

    private static IPAddress? Address(ReadOnlySpan<byte> addresses, int type4, int type6)
    {
        ReadOnlySpan<byte> bytes = Attribute(addresses, type4);
        if (bytes.IsEmpty) bytes = Attribute(addresses, type6);
        return bytes.IsEmpty ? null : new IPAddress(bytes);
    }

    /// <summary>The payload of the first attribute of this type, empty if there is none.</summary>
    private static ReadOnlySpan<byte> Attribute(ReadOnlySpan<byte> attributes, int type)
    {
        const int TypeMask = 0x3fff, AttributeHeader = 4;
        while (attributes.Length >= AttributeHeader)
        {
            ushort length = MemoryMarshal.Read<ushort>(attributes);
            if ((MemoryMarshal.Read<ushort>(attributes[2..]) & TypeMask) == type) return attributes[AttributeHeader..length];
            attributes = attributes[Math.Min(Aligned(length), attributes.Length)..];
        }

        return [];
    }

    private static int Aligned(int length) => (length + 3) & ~3;
}
