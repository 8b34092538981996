namespace Relay.Server.Ingest.Sources;

/// <summary>The two ways in which Twilio may have written an address. Text to text: the path and query stay as they were signed.</summary>
internal static class TwilioUrl
{
    /// <returns>The address without any port, and with one: its own, or else its scheme's.</returns>
    public static (string Without, string With) WithoutAndWithPort(string url)
    {
        var start = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var length = url.AsSpan(start).IndexOfAny('/', '?');
        var end = length < 0 ? url.Length : start + length;

        // The colons of an IPv6 address are within brackets.
        var authority = url.AsSpan(start, end - start);
        var hostEnd = authority.LastIndexOf(']') + 1;
        var colon = authority[hostEnd..].IndexOf(':');
        if (colon < 0)
        {
            return (url, url.Insert(end, url.StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? ":443" : ":80"));
        }

        var port = start + hostEnd + colon;
        return (url.Remove(port, end - port), url);
    }
}
