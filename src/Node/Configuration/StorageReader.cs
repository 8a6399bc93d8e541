using System.Data.Common;
using JumpingVpn.Domain.Ownership;
using JumpingVpn.Node.Keys;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads where a gateway keeps its sessions, and what it promises the other nodes where it shares that place.</summary>
internal sealed class StorageReader(Section section, CommonReader common)
{
    public const string DefaultSchema = "jumping_vpn";

    /// <summary>Longest name that PostgreSQL keeps whole (NAMEDATALEN less one), in bytes.</summary>
    public const int MaxSchemaLength = 63;

    /// <summary>Below it a renewal is seldom back in time; a failed node is missed for long above it.</summary>
    public static readonly TimeSpan MinLease = TimeSpan.FromMilliseconds(500), MaxLease = TimeSpan.FromMinutes(1);

    /// <summary>What a packet thread takes for a batch, on a machine that is busy, is the least.</summary>
    public static readonly TimeSpan MinMargin = TimeSpan.FromMilliseconds(50), MaxMargin = TimeSpan.FromSeconds(15);

    // As Npgsql spells them, and every other program that takes such strings.
    private static readonly string[] Passwords = ["Password", "PWD", "PSW", "SSL Password"];

    public StoreConfiguration Read()
    {
        var embedded = new StoreConfiguration.Sqlite(common.Paths.Resolve("events.db"));
        if (section.Nested("store") is not { } store)
        {
            RefuseCluster();
            return embedded;
        }
        if (store.Has("postgres"))
        {
            if (store.Has("sqlite")) store.Fail(store.LineOf("sqlite"), "sqlite", "stands beside postgres; a gateway has one store");
            store.Find("sqlite");
            StoreConfiguration shared = ReadPostgres(store);
            store.Done();
            return shared;
        }
        store.Require("sqlite", "a file, such as events.db; or postgres: \"Host=...;Database=...;Username=...\"");
        string? file = common.Paths.ReadToCreate(store, "sqlite");
        store.Find("postgres");
        const string alone = "belongs to a database that several nodes share (store.postgres)";
        store.Done(new Dictionary<string, string> { ["schema"] = alone, ["password_file"] = alone });
        RefuseCluster();
        return file is null ? embedded : new StoreConfiguration.Sqlite(file);
    }

    private StoreConfiguration.Postgres ReadPostgres(Section store)
    {
        string connection = "";
        if (store.Scalar("postgres") is { } scalar)
        {
            connection = scalar.Text;
            if (WrongWithConnection(connection) is string problem) store.Fail(scalar.Line, "postgres", problem);
        }
        string schema = DefaultSchema;
        if (store.Scalar("schema") is { } given)
        {
            if (IsSchema(given.Text)) schema = given.Text;
            else store.Fail(given.Line, "schema", $"{Printable.Quoted(given.Text)}: a schema's name has 1 to {MaxSchemaLength} lower-case letters, digits and '_', and begins with neither a digit nor pg_");
        }
        const string file = "password_file";
        string? passwordFile = common.Paths.Read(store, file);
        if (passwordFile is not null && PasswordFile.TryRead(passwordFile, out _) is string wrong) store.Fail(store.LineOf(file), file, wrong);
        return new(connection, schema, passwordFile, ReadLease());
    }

    private LeaseTimes ReadLease()
    {
        LeaseTimes standard = LeaseTimes.Default;
        if (section.Nested("cluster") is not { } cluster) return standard;
        TimeSpan lease = cluster.Duration("lease", standard.Lease, MinLease, MaxLease);
        // A short lease has room for a short margin only.
        TimeSpan usual = standard.Margin < lease / 4 ? standard.Margin : lease / 5;
        TimeSpan margin = cluster.Duration("margin", usual, MinMargin, MaxMargin);
        if (margin >= lease / 4) cluster.Fail(cluster.LineOf("margin"), "margin", $"{Duration.Format(margin)} is too much for a lease of {Duration.Format(lease)}; it must be below a quarter");
        cluster.Done();
        return LeaseTimes.Of(lease, margin);
    }

    private void RefuseCluster()
    {
        section.Find("cluster");
        if (section.Has("cluster")) section.Fail(section.LineOf("cluster"), "cluster", "belongs to nodes that share a database (store.postgres); with sqlite there is one");
    }

    /// <summary>What shows without a database driver; that one looks at the rest when the node connects.</summary>
    private static string? WrongWithConnection(string text)
    {
        const string example = "Host=db1,db2;Database=vpn;Username=vpn";
        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = text;
        }
        catch (ArgumentException)
        {
            // The text may hold a password: it is not repeated.
            return $"is no connection string; write one as {example}";
        }
        foreach (string password in Passwords)
        {
            if (parts.ContainsKey(password)) return "a password does not stand in the configuration; write password_file: FILE beside it, or let PGPASSFILE name a file";
        }
        return parts.ContainsKey("Host") || parts.ContainsKey("Server") ? null : $"names no Host; write it as {example}";
    }

    private static bool IsSchema(string name) =>
        name.Length is > 0 and <= MaxSchemaLength
        && name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_')
        && !char.IsAsciiDigit(name[0])
        && !name.StartsWith("pg_", StringComparison.Ordinal);
}
