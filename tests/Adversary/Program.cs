using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Adversary.OnPath;

var kind = new Option<FloodKind>("--kind") { Description = "what to send", Required = true };
var device = new Option<string>("--device") { Description = "the device to send on", Required = true };
var fromMac = new Option<string>("--from-mac") { Description = "the device's own address, six bytes in hexadecimal", Required = true };
var toMac = new Option<string>("--to-mac") { Description = "the address of the next hop, six bytes in hexadecimal", Required = true };
var from = new Option<string>("--from") { Description = "the first source, ADDRESS:PORT", Required = true };
var to = new Option<string>("--to") { Description = "the target, ADDRESS:PORT", Required = true };
var spread = new Option<SourceSpread>("--spread") { Description = "how the sources differ", DefaultValueFactory = _ => SourceSpread.Ports };
var sources = new Option<int>("--sources") { Description = "how many sources", DefaultValueFactory = _ => 1024 };
var rate = new Option<double>("--rate") { Description = "datagrams a second; 0 for as many as one core can", DefaultValueFactory = _ => 0 };
var seconds = new Option<double>("--seconds") { Description = "how long", DefaultValueFactory = _ => 5 };
var gateway = new Option<string>("--gateway-key") { Description = "the gateway's public key, in base64", Required = true };
var session = new Option<string?>("--session") { Description = "a session id that was seen, in hexadecimal" };
var index = new Option<uint>("--index") { Description = "a receiver index that was seen" };
var datagram = new Option<string?>("--datagram") { Description = "a datagram that was seen, in hexadecimal" };
var flood = new Command("flood", "sends datagrams to a gateway as fast as it can, from whatever sources; only in networks of one's own")
{
    kind, device, fromMac, toMac, from, to, spread, sources, rate, seconds, gateway, session, index, datagram,
};
flood.SetAction(parsed =>
{
    var known = new FloodKnowledge(Convert.FromBase64String(parsed.GetRequiredValue(gateway)), Bytes(parsed.GetValue(session)), parsed.GetValue(index),
        Bytes(parsed.GetValue(datagram)));
    IReadOnlyList<Frame> frames = FloodSender.MakeFrames(parsed.GetValue(kind), known, Bytes(parsed.GetRequiredValue(fromMac))!, Bytes(parsed.GetRequiredValue(toMac))!,
        IPEndPoint.Parse(parsed.GetRequiredValue(from)), IPEndPoint.Parse(parsed.GetRequiredValue(to)), parsed.GetValue(spread), parsed.GetValue(sources));
    using var sender = new FloodSender(PacketSocket.Open(PacketSocket.IndexOf(parsed.GetRequiredValue(device)), receives: false), frames);
    Console.WriteLine("ready");
    FloodReport report = sender.Run(TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(rate));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"sent {report.Sent} bytes {report.SentBytes} seconds {report.Seconds:0.000}"));
});

var root = new RootCommand("The attacker of the tests: speaks the protocol by a codec of its own, so that it can lie.") { flood };
ParseResult result = root.Parse(args);
foreach (ParseError error in result.Errors) Console.Error.WriteLine($"adversary: {error.Message}");
if (result.Errors.Count > 0) return 2;
try
{
    return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception exception) when (exception is IOException or FormatException or ArgumentException)
{
    Console.Error.WriteLine($"adversary: {exception.Message}");
    return 1;
}

static byte[]? Bytes(string? hexadecimal) => hexadecimal is null ? null : Convert.FromHexString(hexadecimal.Replace(":", "", StringComparison.Ordinal));
