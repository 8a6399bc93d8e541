using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace JumpingVpn.Node.Configuration;

/// <summary>Reads a configuration file: text, YAML tree, typed records. Nothing is created or changed.</summary>
public static class ConfigurationFile
{
    /// <summary>Longest file that is read, in bytes: some 30,000 clients.</summary>
    public const int MaxSize = 8 * 1024 * 1024;

    /// <summary>True with a configuration, or false with everything that is wrong, in the file's order.</summary>
    public static bool TryLoad(
        string path, [NotNullWhen(true)] out NodeConfiguration? configuration, out IReadOnlyList<ConfigurationError> errors)
    {
        ArgumentNullException.ThrowIfNull(path);
        configuration = null;
        if (!TryReadText(path, out string text, out string? problem))
        {
            errors = [new(path, 0, "", problem)];
            return false;
        }
        return TryParse(path, text, out configuration, out errors);
    }

    /// <summary>The same for a text that would stand in <paramref name="path"/>; relative paths are relative to its directory.</summary>
    public static bool TryParse(
        string path, string text, [NotNullWhen(true)] out NodeConfiguration? configuration, out IReadOnlyList<ConfigurationError> errors)
    {
        configuration = null;
        if (!YamlTree.TryParse(path, text, out ConfigNode? root, out ConfigurationError? error))
        {
            errors = [error];
            return false;
        }
        if (root is not ConfigNode.Mapping mapping)
        {
            errors = [new(path, root.Line, "", "a configuration is a mapping that begins with `role: gateway` or `role: client`")];
            return false;
        }
        var found = new ConfigurationErrors(path);
        var section = new Section(found, "", mapping);
        string role = section.Choice("role", "", "gateway", "client");
        section.Require("role", "gateway or client");
        var common = new CommonReader(section, new(Path.GetFullPath(path)));
        NodeConfiguration? read = role switch
        {
            "gateway" => new GatewayReader(section, common).Read(),
            "client" => new ClientReader(section, common).Read(),
            _ => null,
        };
        if (read is not null) section.Done(read is GatewayConfiguration ? GatewayReader.Elsewhere : ClientReader.Elsewhere);
        errors = found.InOrder();
        if (found.Any) return false;
        configuration = read!;
        return true;
    }

    private static bool TryReadText(string path, out string text, [NotNullWhen(false)] out string? problem)
    {
        text = "";
        problem = null;
        try
        {
            if (Directory.Exists(path)) problem = "is a directory";
            else
            {
                using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
                byte[] bytes = new byte[MaxSize + 1];
                int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
                if (length > MaxSize) problem = "too long for a configuration";
                else text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length).TrimStart('\uFEFF');
            }
        }
        catch (DecoderFallbackException)
        {
            problem = "not a text in UTF-8";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problem = FileProblem.Why(e);
        }
        return problem is null;
    }
}
