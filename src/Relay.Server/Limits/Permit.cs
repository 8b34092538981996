using System.Globalization;

namespace Relay.Server.Limits;

/// <summary>What a limit said to one request.</summary>
/// <param name="IsGranted">Whether it may go on.</param>
/// <param name="Remaining">How many more would be granted now; a little less may be said than there are.</param>
/// <param name="Wait">When the next one is granted, if this one was not.</param>
internal readonly record struct Permit(bool IsGranted, long Remaining, TimeSpan Wait)
{
    /// <summary>
    /// Says it as most APIs do: <c>X-RateLimit-Limit</c>, how many may come at once; <c>-Remaining</c>, how many of them are left;
    /// <c>-Reset</c>, in how many seconds all of them are there again.
    /// </summary>
    public void Tell(IHeaderDictionary headers, int perMinute, string limit)
    {
        headers["X-RateLimit-Limit"] = limit;
        headers["X-RateLimit-Remaining"] = Remaining.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Reset"] = ((((perMinute - Remaining) * 60) + perMinute - 1) / perMinute).ToString(CultureInfo.InvariantCulture);
    }
}
