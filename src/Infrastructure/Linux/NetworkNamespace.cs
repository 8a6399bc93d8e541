using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using JumpingVpn.Infrastructure.Linux.Netlink;

namespace JumpingVpn.Infrastructure.Linux;

/// <summary>
/// A network namespace for tests and the demo lab. A named one is a file under /run/netns as `ip netns` makes it, and lives
/// until <see cref="Dispose"/>; an unnamed one lives only as long as a descriptor, socket or process that is in it, so that nothing can
/// stay behind. Needs CAP_SYS_ADMIN.
/// </summary>
public sealed unsafe class NetworkNamespace : IDisposable
{
    private const string Directory = "/run/netns";
    private const string OwnNamespace = "/proc/thread-self/ns/net";

    private readonly string? _path;
    private int _descriptor;

    private NetworkNamespace(string? name, string? path, int descriptor)
    {
        Name = name;
        _path = path;
        _descriptor = descriptor;
    }

    /// <summary>Its name for `ip netns`, or null.</summary>
    public string? Name { get; }

    /// <summary>What setns(2) and netlink take.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Makes a namespace that nothing but this object holds, with its loopback up.</summary>
    public static NetworkNamespace CreateUnnamed() => OnOwnThread(() =>
    {
        EnterNew("make a network namespace");
        return new NetworkNamespace(null, null, OpenPath(OwnNamespace));
    });

    /// <summary>Makes a namespace that `ip netns` shows under this name, with its loopback up.</summary>
    /// <exception cref="LinuxException">The name is taken, or a right is missing.</exception>
    public static NetworkNamespace Create(string name)
    {
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || name is "." or "..")
            throw LinuxException.Refused($"network namespace name '{name}' is not a file name");
        return OnOwnThread(() =>
        {
            PrepareDirectory();
            string path = $"{Directory}/{name}";
            int file = Libc.open(path, Libc.O_RDONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_CLOEXEC, 0);
            if (file < 0) throw LinuxException.LastNeeding($"make network namespace {name}", "CAP_SYS_ADMIN");
            _ = Libc.close(file);
            try
            {
                EnterNew($"make network namespace {name}");
                if (Libc.mount(OwnNamespace, path, "none", Libc.MS_BIND, null) < 0)
                    throw LinuxException.LastNeeding($"mount {path}", "CAP_SYS_ADMIN");
                return new NetworkNamespace(name, path, OpenPath(path));
            }
            catch
            {
                Unmount(path);
                throw;
            }
        });
    }

    /// <summary>Takes hold of a namespace that exists; <see cref="Dispose"/> leaves it there.</summary>
    public static NetworkNamespace OpenExisting(string name) => new(name, null, OpenPath($"{Directory}/{name}"));

    /// <summary>
    /// Removes named namespaces `PREFIX-PID` and `PREFIX-PID-*` whose process is gone: what a run left that was killed. Returns their
    /// names.
    /// </summary>
    public static IReadOnlyList<string> RemoveLeftovers(string prefix)
    {
        var removed = new List<string>();
        if (!System.IO.Directory.Exists(Directory)) return removed;
        foreach (string path in System.IO.Directory.EnumerateFileSystemEntries(Directory, prefix + "-*"))
        {
            string name = System.IO.Path.GetFileName(path);
            string digits = name[(prefix.Length + 1)..].Split('-')[0];
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || IsAlive(pid)) continue;
            Unmount(path);
            removed.Add(name);
        }
        return removed;
    }

    /// <summary>
    /// Joins two namespaces by a pair of virtual Ethernet links, both up. Addresses and routes are the caller's.
    /// </summary>
    public static void Connect(NetworkNamespace left, string leftName, NetworkNamespace right, string rightName)
    {
        left.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            netlink.AddVeth(leftName, left.Descriptor, rightName, right.Descriptor);
        });
        left.SetUp(leftName);
        right.SetUp(rightName);
    }

    /// <summary>
    /// Runs an action inside, on a thread of its own that ends with it. Sockets and devices opened there belong to the namespace for as
    /// long as they live. An exception comes out as it was thrown.
    /// </summary>
    public T Run<T>(Func<T> action) => OnOwnThread(() =>
    {
        Enter();
        return action();
    });

    /// <inheritdoc cref="Run{T}(Func{T})"/>
    public void Run(Action action) => Run(() =>
    {
        action();
        return 0;
    });

    /// <summary>Starts a process inside. (It inherits the namespace of the thread that forks it.)</summary>
    public Process Start(ProcessStartInfo info) => Run(() => Process.Start(info))
        ?? throw new InvalidOperationException($"{info.FileName} was not started");

    /// <summary>Starts a thread inside that runs until its action returns.</summary>
    public Thread StartThread(string name, Action action)
    {
        var thread = new Thread(() =>
        {
            Enter();
            action();
        })
        {
            Name = name,
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    /// <summary>
    /// Runs a command line inside, words split at spaces, to its end, and returns its standard output. For set-up by tools such as `ip`
    /// and `nft`.
    /// </summary>
    /// <exception cref="LinuxException">It failed; the message is the command and the first line of its standard error.</exception>
    public string Execute(string commandLine)
    {
        string[] words = commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Execute(words[0], null, words[1..]);
    }

    /// <summary>As <see cref="Execute(string)"/>, with the arguments as they are and, optionally, standard input.</summary>
    public string Execute(string program, string? input, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Start(info);
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 0) return output;
        string reason = error.GetAwaiter().GetResult().Trim().Split('\n')[0];
        throw LinuxException.Refused($"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}: {reason}");
    }

    public void SetUp(string interfaceName, bool up = true) => Run(() =>
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        int index = netlink.FindLink(interfaceName)?.Index ?? throw new LinuxException($"interface {interfaceName}", Libc.ENODEV);
        netlink.SetLinkUp(index, up);
    });

    /// <summary>
    /// Lets go, and removes the name. The kernel takes the namespace and its virtual links down once the last process and socket in it
    /// are gone.
    /// </summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor < 0) return;
        _ = Libc.close(descriptor);
        if (_path is not null) Unmount(_path);
    }

    private void Enter()
    {
        if (Libc.setns(_descriptor, Libc.CLONE_NEWNET) < 0)
            throw LinuxException.LastNeeding($"enter network namespace {Name ?? "(unnamed)"}", "CAP_SYS_ADMIN");
    }

    private static void EnterNew(string what)
    {
        if (Libc.unshare(Libc.CLONE_NEWNET) < 0) throw LinuxException.LastNeeding(what, "CAP_SYS_ADMIN");
        using RouteNetlink netlink = RouteNetlink.Open();
        netlink.SetLinkUp(LoopbackIndex, true);
    }

    /// <summary>The loopback device is the first of every namespace.</summary>
    private const int LoopbackIndex = 1;

    private static int OpenPath(string path)
    {
        int descriptor = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        return descriptor >= 0 ? descriptor : throw LinuxException.Last($"open {path}");
    }

    /// <summary>As `ip netns` does: the directory is a shared mount, so that mounts below it show in every mount namespace.</summary>
    private static void PrepareDirectory()
    {
        _ = System.IO.Directory.CreateDirectory(Directory);
        for (int i = 0; i < 2; i++)
        {
            if (Libc.mount("", Directory, "none", Libc.MS_SHARED | Libc.MS_REC, null) == 0) return;
            if (Libc.errno != Libc.EINVAL || i > 0 || Libc.mount(Directory, Directory, "none", Libc.MS_BIND | Libc.MS_REC, null) < 0)
                throw LinuxException.LastNeeding($"share {Directory}", "CAP_SYS_ADMIN");
        }
    }

    private static void Unmount(string path)
    {
        _ = Libc.umount2(path, Libc.MNT_DETACH);
        _ = Libc.unlink(path);
    }

    private static bool IsAlive(int pid) => Libc.kill(pid, 0) == 0 || Libc.errno == Libc.EPERM;

    /// <summary>A thread that changes its namespace must not return to a pool, so each piece of work gets one that ends.</summary>
    private static T OnOwnThread<T>(Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
