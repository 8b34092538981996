namespace Relay.Client;

/// <summary>Times of the wire, Unix milliseconds. What no calendar has becomes its first or last moment: frames are signed only in part.</summary>
internal static class WireTime
{
    private static readonly long First = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly long Last = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    public static DateTimeOffset ToTime(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(milliseconds, First, Last));
}
