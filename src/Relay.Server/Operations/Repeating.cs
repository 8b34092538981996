namespace Relay.Server.Operations;

/// <summary>Work of the server's own that comes again and again.</summary>
internal static class Repeating
{
    /// <summary>
    /// Whether the moment has come, of what comes each period; if so, the next one is a period away. Also where the clock went back and it would be
    /// longer.
    /// </summary>
    public static bool IsDue(ref DateTimeOffset next, TimeSpan period, DateTimeOffset now)
    {
        if (now < next && next - now <= period)
        {
            return false;
        }

        next = now + period;
        return true;
    }

    /// <summary>Does the work each period, never twice at a time, until the stop. Ends without a fault when that comes; what the work throws ends it.</summary>
    /// <param name="time">By this clock. A period in which the work still runs is not made up for.</param>
    /// <param name="period">Between two beginnings.</param>
    /// <param name="work">What is done.</param>
    /// <param name="stop">Ends it.</param>
    /// <param name="atOnce">Whether it is done before the first period is over, too.</param>
    public static async Task RepeatAsync(this TimeProvider time, TimeSpan period, Func<Task> work, CancellationToken stop, bool atOnce = false)
    {
        using var timer = new PeriodicTimer(period, time);
        try
        {
            while (atOnce || await timer.WaitForNextTickAsync(stop))
            {
                atOnce = false;
                await work();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }
}
