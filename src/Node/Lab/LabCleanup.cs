using System.Runtime.InteropServices;

namespace JumpingVpn.Node.Lab;

/// <summary>
/// Removes what the lab made: at the end of each user of it, on SIGINT, SIGTERM, SIGHUP and SIGQUIT, at a regular exit, and,
/// for what a killed process left, at the next start.
/// </summary>
public static class LabCleanup
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<IDisposable> Live = [];
    private static readonly List<PosixSignalRegistration> Registrations = [];

    private static bool IsAtExit { get; set; }

    /// <summary>A signal has told the process to end: errors from here on only say that things are being removed.</summary>
    public static bool IsEnding { get; private set; }

    /// <summary>Has <paramref name="resource"/> disposed if the process ends before its user does so.</summary>
    public static void Register(IDisposable resource)
    {
        lock (Gate)
        {
            Live.Add(resource);
            if (!IsAtExit) AppDomain.CurrentDomain.ProcessExit += (_, _) => RemoveAll();
            IsAtExit = true;
            if (Registrations.Count > 0) return;
            foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
                Registrations.Add(PosixSignalRegistration.Create(signal, End));
        }
    }

    /// <summary>The user has disposed it. With the last one the signals are the process's own again.</summary>
    public static void Unregister(IDisposable resource)
    {
        PosixSignalRegistration[] over = [];
        lock (Gate)
        {
            Live.Remove(resource);
            if (Live.Count == 0)
            {
                over = [.. Registrations];
                Registrations.Clear();
            }
        }
        foreach (PosixSignalRegistration registration in over) registration.Dispose();
    }

    /// <summary>Removes the namespaces, with the processes in them, and the directories of lab processes that no longer run.</summary>
    public static void RemoveOrphans()
    {
        if (Directory.Exists(LabNamespace.Directory))
            RemoveNamespaces([.. Directory.EnumerateFiles(LabNamespace.Directory).Select(Path.GetFileName).OfType<string>().Where(LabOwner.IsOrphan)]);
        foreach (string directory in Directory.EnumerateDirectories(Path.GetTempPath(), LabOwner.Prefix + "*"))
            if (LabOwner.IsOrphan(Path.GetFileName(directory)))
                RemoveDirectory(directory);
    }

    /// <summary>Kills what runs inside the namespaces, then deletes them. What is already gone is no error.</summary>
    public static void RemoveNamespaces(IReadOnlyCollection<string> names)
    {
        if (names.Count == 0) return;
        foreach (string name in names)
        {
            try
            {
                foreach (int processId in new LabNamespace(name).ProcessIds()) LabNative.Signal(processId, LabSignal.Kill);
            }
            catch (LabException)
            {
                // Half-made or half-removed: the deletion below still has to be tried.
            }
        }

        LabCommand.RunQuietly("ip", ["-force", "-batch", "-"], string.Concat(names.Select(name => $"netns del {name}\n")));
    }

    public static void RemoveDirectory(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Already gone.
        }
        catch (IOException)
        {
            // A process that is just ending still writes there; the next start removes it.
        }
    }

    private static void End(PosixSignalContext context)
    {
        context.Cancel = true;
        IsEnding = true;
        // Exit code of a shell for a process that ended by this signal.
        int number = context.Signal switch { PosixSignal.SIGINT => 2, PosixSignal.SIGTERM => 15, PosixSignal.SIGHUP => 1, _ => 3 };
        Environment.Exit(128 + number);
    }

    private static void RemoveAll()
    {
        IDisposable[] resources;
        lock (Gate) resources = [.. Live];
        foreach (IDisposable resource in resources)
        {
            try
            {
                resource.Dispose();
            }
            catch (LabException)
            {
                // The others must still be removed; the next start finds the rest.
            }
        }
    }
}
