using JumpingVpn.Domain.Sessions;

namespace JumpingVpn.Node.Configuration;

/// <summary>Checks of names; each gives what is wrong, or null.</summary>
public static class Names
{
    /// <summary>Longest name of a node or a client, in characters.</summary>
    public const int MaxLength = SessionLimits.MaxNameLength;

    /// <summary>IFNAMSIZ less the closing zero (if.h).</summary>
    public const int MaxDeviceLength = 15;

    /// <summary>Names of nodes and clients stand in logs, file names and metrics, so they are plain.</summary>
    public static string? WrongWithName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaxLength) return $"a name has 1 to {MaxLength} characters";
        if (name[0] == '.' || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            return $"{Printable.Quoted(name)}: a name consists of letters, digits, '.', '_' and '-', and does not begin with '.'";
        return null;
    }

    /// <summary>What the kernel takes as a device's name (dev_valid_name), without what confuses tools.</summary>
    public static string? WrongWithDevice(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaxDeviceLength) return $"{Printable.Quoted(name)}: a device's name has 1 to {MaxDeviceLength} characters";
        if (name is "." or ".." || !name.All(c => c is > ' ' and < '\x7f' and not ('/' or ':' or '%')))
            return $"{Printable.Quoted(name)} cannot be a device's name";
        return null;
    }

    /// <summary>Host names as RFC 1123, section 2.1, has them.</summary>
    public static bool IsHostName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string bare = name.EndsWith('.') ? name[..^1] : name;
        string[] labels = bare.Split('.');
        return bare.Length is > 0 and <= 253
            && labels.All(label => label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            // All digits would be an address that somebody mistyped.
            && !labels[^1].All(char.IsAsciiDigit);
    }
}
