using System.Globalization;
using Relay.Server.Delivery;

namespace Relay.Server.Ingest;

/// <summary><c>Prefer: wait=N</c> (RFC 7240 §4.3): the sender waits up to N seconds for the agent.</summary>
internal static class PreferWait
{
    private static readonly TimeSpan Longest = DeliveryLimits.MaxSenderWait;

    /// <returns>How long the sender waits, at most a minute, 0: not at all; null when it does not say. A preference that cannot be read is none.</returns>
    public static TimeSpan? Find(IHeaderDictionary headers)
    {
        foreach (var value in headers["Prefer"])
        {
            foreach (var range in (value ?? "").AsSpan().Split(','))
            {
                // What follows a semicolon are parameters of the preference; wait has none.
                var preference = value.AsSpan(range);
                var end = preference.IndexOf(';');
                preference = (end < 0 ? preference : preference[..end]).Trim();
                var equals = preference.IndexOf('=');
                if (equals > 0
                    && preference[..equals].Trim().Equals("wait", StringComparison.OrdinalIgnoreCase)
                    && uint.TryParse(preference[(equals + 1)..].Trim().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                {
                    return seconds < Longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : Longest;
                }
            }
        }

        return null;
    }
}
