using System.Diagnostics;

namespace Relay.Tests.Shared;

/// <summary>How many bytes calls allocate, on a thread of their own.</summary>
internal static class Allocated
{
    private const int Calls = 1000;

    /// <summary>Rounds are tried until one is good: first calls and collections of garbage may cost some, and better code comes later, by itself.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Fails if a call allocates more bytes than <paramref name="most"/>, however warm it is; 0: nothing, not even in one of many calls. The
    /// bound is to hold for the JIT's first code too (<c>DOTNET_TC_CallCountThreshold=100000000</c>): among other tests there may never be better.
    /// </summary>
    public static void AtMost(long most, Action call) => AtMost(most, _ => call());

    /// <inheritdoc cref="AtMost(long, Action)"/>
    /// <param name="most">Bytes a call, on average.</param>
    /// <param name="call">Gets its number in the round, from 0.</param>
    /// <param name="calls">Calls in a round.</param>
    /// <param name="beforeRound">Not counted.</param>
    public static void AtMost(long most, Action<int> call, int calls = Calls, Action? beforeRound = null)
    {
        long least = long.MaxValue;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                least = Least(most * calls, call, calls, beforeRound);
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        Assert.True(least <= most * calls, $"{(double)least / calls:0.##} bytes a call were allocated, {most} are allowed.");
    }

    /// <returns>The bytes of the first round that is good enough, or of the best.</returns>
    private static long Least(long enough, Action<int> call, int calls, Action? beforeRound)
    {
        var least = long.MaxValue;
        var began = Stopwatch.GetTimestamp();
        do
        {
            beforeRound?.Invoke();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < calls; i++)
            {
                call(i);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        while (least > enough && Stopwatch.GetElapsedTime(began) < Patience);
        return least;
    }
}
