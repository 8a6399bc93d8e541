using System.Globalization;

namespace JumpingVpn.Node.Configuration;

/// <summary>One thing that is wrong with a configuration file. <paramref name="Line"/> counts from 1; 0 is the file as a whole.</summary>
public sealed record ConfigurationError(string File, int Line, string Field, string Problem)
{
    /// <summary>`FILE:LINE: field: what is wrong`, in one line whatever the file holds.</summary>
    public override string ToString()
    {
        string place = Line > 0 ? File + ":" + Line.ToString(CultureInfo.InvariantCulture) : File;
        string text = Field.Length > 0 ? $"{place}: {Field}: {Problem}" : $"{place}: {Problem}";
        return Printable.OneLine(text);
    }
}
