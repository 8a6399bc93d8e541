using System.Security.Cryptography;
using System.Text;
using JumpingVpn.Domain.Audit;

namespace JumpingVpn.Domain.Tests.Audit;

public class EventEnvelopeTests
{
    /// <summary>The stored format. It may be added to in a new format number; these bytes must be read for ever.</summary>
    private static string[] Golden => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Audit", "envelopes.golden.jsonl"));

    private static IEnumerable<EventEnvelope> Written =>
        Chains.Of(Chains.Session, 3).Append(Chains.Compacted(Chains.Of(Chains.Session, 3), 3)[0]);

    [Fact]
    public void The_bytes_of_envelopes_are_pinned() => Assert.Equal(Golden, Written.Select(static envelope => envelope.ToText()));

    [Fact]
    public void The_pinned_bytes_are_read_and_their_hashes_hold()
    {
        foreach ((string line, EventEnvelope written) in Golden.Zip(Written))
        {
            var read = (EventEnvelope)EventEnvelope.Parse(line);
            Assert.Equal(written, read);
            Assert.Equal(read.Hash, read.ComputeHash());
        }
    }

    [Fact]
    public void The_text_is_canonical_and_the_hash_is_over_it_without_the_hash()
    {
        EventEnvelope envelope = Chains.Of(Chains.Session, 1)[0];
        var json = (CanonicalJson)CanonicalJson.Parse(envelope.ToText());
        Assert.Equal(json.Text, envelope.ToText());
        var members = (JsonValue.Members)json.ToValue();
        CanonicalJson without = CanonicalJson.From(JsonValue.Object(members.Sorted.Where(static member => member.Name != "hash")));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(without.Text))), envelope.Hash.ToString());
    }

    [Fact]
    public void Members_in_another_order_give_the_same_envelope()
    {
        EventEnvelope envelope = Chains.Of(Chains.Session, 1)[0];
        var members = (JsonValue.Members)((CanonicalJson)CanonicalJson.Parse(envelope.ToText())).ToValue();
        string shuffled = "{ " + string.Join(" , ", members.Sorted.Reverse().Select(static m => $"\"{m.Name}\" : {CanonicalJson.From(m.Value).Text}")) + " }";
        Assert.Equal(envelope, (EventEnvelope)EventEnvelope.Parse(shuffled));
    }

    [Theory]
    [InlineData("\"format\":1", "\"format\":2")]
    [InlineData("\"version\":\"1\"", "\"version\":\"0\"")]
    [InlineData("\"version\":\"1\"", "\"version\":\"01\"")]
    [InlineData("\"version\":\"1\"", "\"version\":1")]
    [InlineData("\"reason\":", "\"raison\":")]
    [InlineData("\"wall\":", "\"extra\":1,\"wall\":")]
    [InlineData("\"node\":\"gw-a\"", "\"node\":\"\"")]
    [InlineData("\"alias\":\"t", "\"alias\":\"T")]
    [InlineData("\"stream\":\"0", "\"stream\":\"")]
    [InlineData("\"incarnation\":\"0", "\"incarnation\":\"x")]
    [InlineData("abcdef", "ABCDEF")]
    public void What_is_not_an_envelope_is_refused(string find, string replace)
    {
        string text = Chains.Of(Chains.Session, 1)[0].ToText();
        Assert.Contains(find, text, StringComparison.Ordinal);
        Assert.True(EventEnvelope.Parse(text.Replace(find, replace, StringComparison.Ordinal)).IsLeft);
    }

    [Fact]
    public void Any_cut_text_is_refused()
    {
        string text = Chains.Of(Chains.Session, 1)[0].ToText();
        for (int length = 0; length < text.Length; length++) Assert.True(EventEnvelope.Parse(text[..length]).IsLeft, $"length {length}");
    }

    [Fact]
    public void The_event_id_is_a_uuid_that_the_envelope_determines()
    {
        Guid[] ids = [.. Written.Select(static envelope => envelope.EventId)];
        Assert.Equal(ids, Written.Select(static envelope => envelope.EventId));
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(ids, static id => Assert.Equal((8, true), (id.Version, id.Variant is >= 8 and <= 11)));
    }
}
