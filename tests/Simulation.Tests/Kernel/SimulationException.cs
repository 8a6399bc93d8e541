namespace JumpingVpn.Simulation.Tests.Kernel;

/// <summary>Something happened that must never happen. The message says what, when and to whom.</summary>
public sealed class SimulationException(string message) : Exception(message);
