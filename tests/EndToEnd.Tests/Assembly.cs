using System.Runtime.CompilerServices;
using JumpingVpn.Node.Lab.Incidents;

// Every test here measures time on a machine that it has to itself.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace JumpingVpn.EndToEnd.Tests;

internal static class Assembly
{
    /// <summary>Whatever a test is about: what its nodes have stored is exported and verified when they end.</summary>
    [ModuleInitializer]
    internal static void Begin() => LabAudit.IsOn = true;
}
