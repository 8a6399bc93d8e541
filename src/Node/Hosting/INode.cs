using JumpingVpn.Node.Control;

namespace JumpingVpn.Node.Hosting;

/// <summary>A node's life as its host sees it: started once, stopped once.</summary>
public interface INode : IAsyncDisposable
{
    /// <summary>Answers operators; used from when <see cref="StartAsync"/> has completed.</summary>
    INodeControl Control { get; }

    /// <summary>Completes only if the node can go on no more: with the exception that says why.</summary>
    Task Failure { get; }

    /// <summary>Opens store, device and sockets, and returns once the node serves.</summary>
    /// <exception cref="NodeStartException">What is missing or refused, in one line.</exception>
    Task StartAsync(CancellationToken cancellation);

    /// <summary>
    /// Ends in order: a gateway drains, a client keeps its session resumable or ends it. What is not done when
    /// <paramref name="cancellation"/> comes is left.
    /// </summary>
    Task StopAsync(CancellationToken cancellation);
}

/// <summary>Why a node cannot start, in one line, and with which exit code it says so.</summary>
public sealed class NodeStartException : Exception
{
    public NodeStartException(string message, int exitCode = Cli.ExitCode.Failed)
        : base(message) => ExitCode = exitCode;

    public NodeStartException(string message, Exception inner, int exitCode = Cli.ExitCode.Failed)
        : base(message, inner) => ExitCode = exitCode;

    public int ExitCode { get; }
}
