using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace JumpingVpn.EndToEnd.Tests;

/// <summary>
/// A shell that starts a job in the background has it ignore SIGINT, and processes hand that on to their children. Tests of SIGINT must
/// not depend on how the tests themselves were started.
/// </summary>
internal static partial class Interruptible
{
    private const int Interrupt = 2;
    private const nint Default = 0;

    [ModuleInitializer]
    internal static void Restore() => Signal(Interrupt, Default);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int number, nint handler);
}
