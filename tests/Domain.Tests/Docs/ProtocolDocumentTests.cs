using System.Buffers.Binary;
using System.Globalization;
using System.Reflection;
using JumpingVpn.Domain.Admission;
using JumpingVpn.Domain.Client;
using JumpingVpn.Domain.Gateway;
using JumpingVpn.Domain.Paths;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Domain.Protocol;
using JumpingVpn.Domain.Protocol.Messages;
using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Domain.Tests.Docs;

/// <summary>docs/PROTOCOL.md says what the program does: sizes, offsets, numbers and constants.</summary>
public sealed class ProtocolDocumentTests
{
    /// <summary>Every layout of the document, and the size that the source gives it.</summary>
    public static TheoryData<string, int> Layouts => new()
    {
        { "INITIATION (", Initiation.Size },
        { "INITIATION payload", InitiationPayload.Size },
        { "RESPONSE (", Response.Size },
        { "RESPONSE payload", ResponsePayload.Size },
        { "COOKIE (", Cookie.Size },
        { "DATA (", ProtocolConstants.DataHeaderSize + Ports.ICryptography.TagSize },
        { "Control frame", ControlFrame.Size },
        { "PREPARE (", Prepare.Size },
        { "PREPARED (", Prepared.Size },
        { "CONFIRM (", Confirm.Size },
        { "BOUND (", Bound.Size },
        { "BOUND content", Bound.PlaintextSize },
        { "Ticket", Ticket.Size },
        { "Session id", SessionId.Size },
        { "Policy (", PolicyBlock.Size },
        { "REFUSED (", Refused.Size },
        { "CHALLENGE (", Challenge.Size },
        { "PROBE (", Probe.Size },
        { "PROBE REPLY (", ProbeReply.Size },
        { "END (", End.Size },
        { "ENDED (", Ended.Size },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Every_layout_is_documented_without_a_gap_and_in_its_size(string heading, int size)
    {
        int end = 0;
        foreach (string[] row in ProtocolDocument.Rows(heading).Where(row => int.TryParse(row[0], out _) && row[1].Length > 0 && int.TryParse(row[1], out _)))
        {
            Assert.True(Number(row[0]) == end, $"{heading}: {row[2]} is documented at {row[0]}, after {end} bytes");
            end += Number(row[1]);
        }
        Assert.Equal(size, end);
    }

    [Theory]
    [InlineData("INITIATION (", "MAC1", Initiation.Mac1Offset)]
    [InlineData("INITIATION (", "MAC2", Initiation.Mac2Offset)]
    [InlineData("INITIATION (", "ephemeral", Initiation.NoiseOffset)]
    [InlineData("RESPONSE (", "ephemeral", Response.NoiseOffset)]
    [InlineData("COOKIE (", "nonce", Cookie.NonceOffset)]
    [InlineData("COOKIE (", "cookie", Cookie.SealedOffset)]
    [InlineData("PREPARE (", "session id", Prepare.SessionOffset)]
    [InlineData("PREPARE (", "ticket", Prepare.TicketOffset)]
    [InlineData("PREPARE (", "proof", Prepare.ProofOffset)]
    [InlineData("PREPARE (", "cookie MAC", Prepare.CookieMacOffset)]
    [InlineData("PREPARED (", "token", Prepared.TokenOffset)]
    [InlineData("PREPARED (", "MAC", Prepared.MacOffset)]
    [InlineData("CONFIRM (", "token", Confirm.TokenOffset)]
    [InlineData("CONFIRM (", "MAC", Confirm.MacOffset)]
    [InlineData("BOUND (", "content", Bound.HeaderSize)]
    [InlineData("REFUSED (", "MAC", Refused.MacOffset)]
    [InlineData("CHALLENGE (", "MAC", Challenge.MacOffset)]
    [InlineData("PROBE (", "session id", Probe.SessionOffset)]
    [InlineData("PROBE (", "MAC", Probe.MacOffset)]
    [InlineData("PROBE REPLY (", "MAC", ProbeReply.MacOffset)]
    [InlineData("END (", "session id", End.SessionOffset)]
    [InlineData("END (", "ticket", End.TicketOffset)]
    [InlineData("END (", "proof", End.ProofOffset)]
    [InlineData("END (", "cookie MAC", End.CookieMacOffset)]
    [InlineData("ENDED (", "MAC", Ended.MacOffset)]
    public void The_fields_that_the_source_names_stand_where_it_says(string heading, string field, int offset) =>
        Assert.Contains(ProtocolDocument.Rows(heading), row => row.Length > 2 && row[0] == Text(offset) && row[2] == field);

    [Fact]
    public void A_message_is_documented_with_its_number_and_size()
    {
        Dictionary<string, string[]> rows = ProtocolDocument.Rows("4. Messages").Where(row => row.Length > 3).ToDictionary(row => row[0]);
        Assert.Equal(Enum.GetValues<MessageType>().Length, rows.Count);
        Assert.All(Enum.GetValues<MessageType>(), type =>
        {
            string[] row = rows[Text((int)type)];
            Assert.Equal(type.ToString(), row[1].Replace(" ", "", StringComparison.Ordinal), ignoreCase: true);
            string heading = Layouts.Select(layout => (string)layout[0]).Single(layout => layout == row[1] + " (");
            int size = (int)Layouts.Single(layout => (string)layout[0] == heading)[1];
            Assert.Equal(Text(size), row[3].Split(' ')[0]);
        });
    }

    /// <summary>Each knob gets another value, and the document tells where on the wire it is then found.</summary>
    [Fact]
    public void The_policys_layout_defaults_and_ranges_are_documented()
    {
        List<string[]> rows = [.. ProtocolDocument.Rows("Policy (").Where(row => row[2] != "reserved")];
        Assert.Equal(PolicyKnobs.All.Select(knob => knob.Name), rows.Select(row => row[2]).Order(StringComparer.Ordinal));
        byte[] usual = new byte[PolicyBlock.Size], changed = new byte[PolicyBlock.Size];
        PolicyBlock.Write(usual, SessionPolicy.Default);
        Assert.All(rows, row =>
        {
            PolicyKnob knob = PolicyKnobs.Find(row[2])!;
            Assert.Equal(knob.Format(knob.Default), row[3]);
            Assert.Equal($"{knob.Format(knob.Min)} to {knob.Format(knob.Max)}", row[4]);
            PolicyBlock.Write(changed, knob.With(SessionPolicy.Default, knob.Default == knob.Max ? knob.Min : knob.Max));
            int[] different = [.. Enumerable.Range(0, PolicyBlock.Size / 4).Where(i =>
                BinaryPrimitives.ReadUInt32LittleEndian(usual.AsSpan(4 * i)) != BinaryPrimitives.ReadUInt32LittleEndian(changed.AsSpan(4 * i)))];
            Assert.Equal([Number(row[0]) / 4], different);
        });
    }

    [Fact]
    public void Every_reason_code_is_documented_with_its_number()
    {
        List<string[]> rows = ProtocolDocument.Rows("13. Reason codes");
        IEnumerable<(string, string)> documented = rows.Select(row => (row[0], row[1]));
        IEnumerable<(string, string)> known = ReasonCodes.All.Where(code => code != ReasonCode.None).Select(code => (Text((int)code), code.Name()));
        Assert.Equal(known.Order(), documented.Order());
    }

    [Fact]
    public void Every_constant_is_documented_with_its_value()
    {
        Dictionary<string, string> documented = ProtocolDocument.Rows("11. Constants").Where(row => row[0].Contains('.', StringComparison.Ordinal))
            .ToDictionary(row => row[0], row => row[1]);
        Type[] types =
        [
            typeof(ProtocolConstants), typeof(AdmissionConstants), typeof(ControlFilter), typeof(SourceStanding), typeof(GatewayLimits), typeof(ClientLimits),
            typeof(PathConstants), typeof(SessionLimits),
        ];
        var differences = new List<string>();
        foreach (Type type in types)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
            {
                string name = $"{type.Name}.{field.Name}";
                object value = field.IsLiteral ? field.GetRawConstantValue()! : field.GetValue(null)!;
                if (value is string) continue;
                if (!documented.TryGetValue(name, out string? text)) differences.Add($"{name} ({Format(value)}) is not documented");
                else if (text != Format(value)) differences.Add($"{name} is {Format(value)}, documented as {text}");
            }
        }
        string[] typeNames = [.. types.Select(type => type.Name)];
        foreach (string name in documented.Keys.Where(name => typeNames.Contains(name.Split('.')[0])))
        {
            Type type = types.Single(type => type.Name == name.Split('.')[0]);
            if (type.GetField(name.Split('.')[1]) is null) differences.Add(name + " is documented and does not exist");
        }
        Assert.True(differences.Count == 0, "docs/PROTOCOL.md, section 11: " + string.Join("; ", differences));
    }

    private static string Format(object value) => value switch
    {
        TimeSpan span when span > TimeSpan.FromMinutes(2) => Text(span.TotalMinutes) + " min",
        TimeSpan span when span.Ticks % TimeSpan.TicksPerSecond == 0 => Text(span.TotalSeconds) + " s",
        TimeSpan span => Text(span.TotalMilliseconds) + " ms",
        TokenRate rate => $"{Text(TimeSpan.FromSeconds(1) / rate.Interval)}/s, {Text(rate.Burst)}",
        ulong number when number == AdmissionConstants.MaxCounter => "2^64 - 8193",
        ulong number when number > uint.MaxValue && ulong.IsPow2(number) => "2^" + Text(ulong.Log2(number)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
