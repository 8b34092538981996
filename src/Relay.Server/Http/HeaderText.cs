using System.Text;
using System.Text.Unicode;

namespace Relay.Server.Http;

/// <summary>
/// Header values as text. Kestrel is told to read them as Latin-1, which takes any byte, so that a webhook is not refused for how its
/// sender spells a name; most senders mean UTF-8.
/// </summary>
internal static class HeaderText
{
    /// <returns>What the bytes say in UTF-8, or in Latin-1 if they are not UTF-8.</returns>
    public static string Decode(string latin1)
    {
        if (Ascii.IsValid(latin1))
        {
            return latin1;
        }

        var bytes = Encoding.Latin1.GetBytes(latin1);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : latin1;
    }
}
