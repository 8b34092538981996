using System.Globalization;
using Relay.Protocol;

namespace Relay.Server.Ingest.Sources;

/// <summary>The time that a provider put under its signature: Unix seconds or milliseconds, told apart by their size.</summary>
internal static class SignedTimestamp
{
    /// <summary>As seconds the year 5138, as milliseconds 1973: no clock is near either.</summary>
    private const long FirstMilliseconds = 100_000_000_000;

    /// <summary>Whether it is at most 5 minutes old and at most 1 minute ahead.</summary>
    public static bool IsFresh(ReadOnlySpan<char> text, DateTimeOffset now)
    {
        if (!TryRead(text, out var value))
        {
            return false;
        }

        var milliseconds = value < FirstMilliseconds ? value * 1000 : value;
        var age = now.ToUnixTimeMilliseconds() - milliseconds;
        return age <= (long)RelaySignature.MaxAge.TotalMilliseconds && -age <= (long)RelaySignature.MaxAhead.TotalMilliseconds;
    }

    /// <summary>Digits alone: the parser itself takes a NUL at the end.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out long value)
    {
        value = 0;
        return !text.ContainsAnyExceptInRange('0', '9') && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
