using System.CommandLine;
using System.CommandLine.Parsing;
using JumpingVpn.Adversary.Flood;
using JumpingVpn.Bench;
using JumpingVpn.Bench.Load;
using JumpingVpn.Node.Lab;

if (args is [NodeHost.Command, ..]) return NodeHost.Run(args[1..]);

var rounds = new Option<int>("--rounds") { Description = "rounds per case", DefaultValueFactory = _ => 10 };
var json = new Option<bool>("--json") { Description = "print JSON instead of a table" };
var tunnel = new Option<string[]>("--tunnel") { Description = "what to measure; may be repeated", AllowMultipleArgumentsPerToken = true };

var cases = new Option<string[]>("--case") { Description = "only this case; may be repeated", AllowMultipleArgumentsPerToken = true };
var giveUp = new Option<double>("--give-up") { Description = "seconds without packets that count as `never`", DefaultValueFactory = _ => 20 };
var list = new Option<bool>("--list") { Description = "name the cases and measure nothing" };
var ipv6 = new Option<bool>("--ipv6") { Description = "IPv6 alone, outside and inside the tunnel" };
var outage = new Command("outage", "how long and how much a tunnel loses when its transport changes") { rounds, json, tunnel, cases, giveUp, ipv6, list };
outage.SetAction(parsed => OutageBench.Run(new OutageBenchOptions(
    parsed.GetValue(rounds),
    parsed.GetValue(tunnel) ?? [],
    parsed.GetValue(cases) ?? [],
    TimeSpan.FromSeconds(parsed.GetValue(giveUp)),
    parsed.GetValue(ipv6),
    parsed.GetValue(list),
    parsed.GetValue(json))));

var cluster = new Command("cluster", "the same when something happens to a node of a cluster") { rounds, json, cases, giveUp, list };
cluster.SetAction(parsed => ClusterBench.Run(new ClusterBenchOptions(
    parsed.GetValue(rounds),
    parsed.GetValue(cases) ?? [],
    TimeSpan.FromSeconds(parsed.GetValue(giveUp)),
    parsed.GetValue(list),
    parsed.GetValue(json))));

var parts = new Option<string[]>("--part") { Description = "only this part; may be repeated", AllowMultipleArgumentsPerToken = true };
var clients = new Option<int>("--clients") { Description = "clients of the herd", DefaultValueFactory = _ => 10_000 };
var transitions = new Option<int>("--transitions") { Description = "transitions that the store takes in", DefaultValueFactory = _ => 100_000 };
var reattach = new Command("reattach", "what many clients and many transitions cost a cluster") { parts, clients, transitions, json };
reattach.SetAction(parsed => ReattachBench.Run(new ReattachBenchOptions(
    parsed.GetValue(parts) ?? [],
    parsed.GetValue(clients),
    parsed.GetValue(transitions),
    parsed.GetValue(json))));

var throughputRounds = new Option<int>("--rounds") { Description = "rounds", DefaultValueFactory = _ => 5 };
var seconds = new Option<int>("--seconds") { Description = "length of each transfer", DefaultValueFactory = _ => 3 };
var throughput = new Command("throughput", "how fast a tunnel is and what it costs") { throughputRounds, json, tunnel, seconds };
throughput.SetAction(parsed => ThroughputBench.Run(new ThroughputBenchOptions(
    parsed.GetValue(throughputRounds),
    parsed.GetValue(tunnel) ?? [],
    parsed.GetValue(seconds),
    parsed.GetValue(json))));

var events = new Option<int>("--events") { Description = "events of the incident file", DefaultValueFactory = _ => 400_000 };
var verifyRounds = new Option<int>("--rounds") { Description = "rounds", DefaultValueFactory = _ => 5 };
var verify = new Command("verify", "how fast an incident file is checked, on one core") { events, verifyRounds };
verify.SetAction(parsed => VerifyBench.Run(parsed.GetValue(events), parsed.GetValue(verifyRounds)));

var directory = new Option<string>("--out") { Description = "where they go", DefaultValueFactory = _ => "docs/examples" };
var only = new Option<string[]>("--only") { Description = "only this one; may be repeated", AllowMultipleArgumentsPerToken = true };
var examples = new Command("examples", "the incident files of docs/examples, made anew; docs/examples/make does that and makes their pages") { directory, only };
examples.SetAction(parsed => ExampleIncidents.Run(parsed.GetRequiredValue(directory), parsed.GetValue(only) ?? []));

var storeSeconds = new Option<int>("--seconds") { Description = "length of each measurement", DefaultValueFactory = _ => 5 };
var store = new Command("store", "how many appends and loads a second the durable event stores carry out") { storeSeconds, json };
store.SetAction((parsed, _) => StoreBench.RunAsync(parsed.GetValue(storeSeconds), parsed.GetValue(json)));

var kinds = new Option<string[]>("--kind") { Description = "only this kind of message; may be repeated", AllowMultipleArgumentsPerToken = true };
var floodRounds = new Option<int>("--rounds") { Description = "rounds per kind", DefaultValueFactory = _ => 3 };
var moves = new Option<int>("--moves") { Description = "honest moves per round", DefaultValueFactory = _ => 30 };
var floodSeconds = new Option<int>("--seconds") { Description = "length of each transfer", DefaultValueFactory = _ => 5 };
var rate = new Option<double>("--rate") { Description = "datagrams a second; 0 for as many as the attacker's core can", DefaultValueFactory = _ => 0 };
var spread = new Option<SourceSpread>("--spread") { Description = "how the flood's sources differ", DefaultValueFactory = _ => SourceSpread.Ports };
var sources = new Option<int>("--sources") { Description = "how many sources it has", DefaultValueFactory = _ => 10_000 };
var inProcess = new Option<bool>("--in-process") { Description = "only the checks themselves, without sockets" };
var flood = new Command("flood", "how fast messages are refused, and what a flood of them costs an honest client") { kinds, floodRounds, moves, floodSeconds, rate, spread, sources, inProcess, json };
flood.SetAction(parsed => FloodBench.Run(new FloodBenchOptions(
    parsed.GetValue(kinds) ?? [],
    parsed.GetValue(floodRounds),
    parsed.GetValue(moves),
    parsed.GetValue(floodSeconds),
    parsed.GetValue(rate),
    parsed.GetValue(spread),
    parsed.GetValue(sources),
    parsed.GetValue(inProcess),
    parsed.GetValue(json))));

var number = new Argument<int>("number");
var local = new Argument<string>("local");
var remote = new Argument<string>("remote");
var cipher = new Argument<string>("cipher");
var end = new Command(DataPlaneEnd.CommandName, "one end of the bare data plane; started by the others") { number, local, remote, cipher };
end.Hidden = true;
end.SetAction(parsed => DataPlaneEnd.Run(
    parsed.GetValue(number), parsed.GetRequiredValue(local), parsed.GetRequiredValue(remote), parsed.GetRequiredValue(cipher)));

var root = new RootCommand("Measures a tunnel in network namespaces of its own, and the stores behind it.") { outage, cluster, reattach, throughput, store, verify, flood, examples, end };
ParseResult result = root.Parse(args);
if (result.Errors.Count > 0)
{
    foreach (ParseError error in result.Errors) Console.Error.WriteLine($"bench: {error.Message}");
    return 2;
}

try
{
    return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception exception) when (exception is LabException or IOException)
{
    Console.Error.WriteLine($"bench: {exception.Message}");
    return 1;
}
