using System.Diagnostics;
using Relay.Bench.Contenders;
using Relay.Bench.Measuring;

namespace Relay.Bench.Load;

/// <param name="Events">How many were done in the measured time.</param>
/// <param name="Seconds">That time.</param>
/// <param name="Latency">From the POST, or the moment at which it should have been sent, to the end.</param>
internal sealed record LoadResult(long Events, double Seconds, Histogram Latency)
{
    public double PerSecond => Events / Seconds;
}

internal static class Loads
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>So many connections post one event after another; an event is done when its POST is answered.</summary>
    public static async Task<LoadResult> AcceptAsync(Contender contender, byte[] body, int connections, TimeSpan duration, Action measured, bool hasKeys = false)
    {
        using var stop = new CancellationTokenSource();
        var gate = new Gate();
        var running = Enumerable.Range(0, connections).Select(slot => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(contender.Target, body, hasKeys);
            for (var number = slot; !stop.IsCancellationRequested; number = (number + connections) % 100_000_000)
            {
                var began = Stopwatch.GetTimestamp();
                await poster.PostAsync(number);
                gate.Done(began);
            }
        })).ToArray();
        return await gate.MeasureAsync(contender.WarmUp, duration, running, stop, measured);
    }

    /// <summary>So many events are on their way at a time; one is done when it was posted, answered, and received by its agent.</summary>
    public static Task<LoadResult> DeliverAsync(Contender contender, byte[] body, int inFlight, TimeSpan duration, Action measured) =>
        DeliverAsync([contender.Target], contender.ConnectAgentAsync, body, inFlight, contender.WarmUp, duration, measured);

    /// <summary>The same to many agents, in turns.</summary>
    /// <param name="targets">Their addresses, of the same length.</param>
    /// <param name="connect">Connects them; they tell the number of each event that they got.</param>
    /// <param name="body">The event.</param>
    /// <param name="inFlight">How many are on their way.</param>
    /// <param name="warmUp">How long before it is measured.</param>
    /// <param name="duration">How long.</param>
    /// <param name="measured">Called at the beginning and at the end of what is measured.</param>
    public static async Task<LoadResult> DeliverAsync(
        IReadOnlyList<Target> targets, Func<Action<int>, Task<IAsyncDisposable>> connect, byte[] body, int inFlight, TimeSpan warmUp, TimeSpan duration, Action measured)
    {
        using var stop = new CancellationTokenSource();
        var gate = new Gate();
        var received = Enumerable.Range(0, inFlight).Select(static _ => new SemaphoreSlim(0)).ToArray();
        await using var agents = await connect(number => received[number].Release());
        var turn = -1L;
        var running = Enumerable.Range(0, inFlight).Select(slot => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(targets[0], body);
            while (!stop.IsCancellationRequested)
            {
                var target = targets[(int)(Interlocked.Increment(ref turn) % targets.Count)];
                if (targets.Count > 1)
                {
                    poster.Aim(target);
                }

                var began = Stopwatch.GetTimestamp();
                await poster.PostAsync(slot);
                if (!await received[slot].WaitAsync(Patience))
                {
                    throw new InvalidOperationException($"An event was accepted at {target.Post} and did not come. Its sender was answered:\n{poster.Answer}");
                }

                gate.Done(began);
            }
        })).ToArray();
        return await gate.MeasureAsync(warmUp, duration, running, stop, measured);
    }

    /// <summary>
    /// Events are sent at a rate, whether or not earlier ones are done: each has its moment, and its latency counts from then, so that a
    /// stall is seen in all that it held up. The contender is warm: see <see cref="Contender.WarmUpAsync"/>.
    /// </summary>
    public static async Task<LoadResult> PaceAsync(Contender contender, byte[] body, double perSecond, int connections, TimeSpan duration, Action measured)
    {
        using var stop = new CancellationTokenSource();
        var gate = new Gate();
        var (began, left) = (new long[1 << 20], 0L);
        await using var agent = await contender.ConnectAgentAsync(number => Done(Interlocked.Exchange(ref began[number], 0)));
        var moments = Pacer.Start(perSecond, stop.Token);
        var running = Enumerable.Range(0, connections).Select(_ => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(contender.Target, body);
            await foreach (var (sequence, moment) in moments.ReadAllAsync())
            {
                if (stop.IsCancellationRequested)
                {
                    break;
                }

                var number = (int)(sequence % began.Length);
                Volatile.Write(ref began[number], moment);
                Interlocked.Increment(ref left);
                await poster.PostAsync(number);
            }
        })).ToArray();
        var result = await gate.MeasureAsync(Gate.Settling, duration, running, stop, measured);

        // What is on its way must not come to the agent of the next measurement; a contender may have lost some.
        for (var (still, before) = (0, -1L); Volatile.Read(ref left) is > 0 and var now && still < 100; before = now)
        {
            still = now == before ? still + 1 : 0;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        return result;

        void Done(long moment)
        {
            // It may come twice.
            if (moment != 0)
            {
                Interlocked.Decrement(ref left);
                gate.Done(moment);
            }
        }
    }

    /// <summary>Posts so many events, as fast as they are taken.</summary>
    public static Task FillAsync(Target target, byte[] body, int events) => Task.WhenAll(Enumerable.Range(0, 64).Select(slot => Task.Run(async () =>
    {
        using var poster = await Poster.ConnectAsync(target, body);
        for (var number = slot; number < events; number += 64)
        {
            await poster.PostAsync(number);
        }
    })));

    /// <summary>So many events wait for an agent that then connects.</summary>
    public static async Task<LoadResult> DrainAsync(Contender contender, byte[] body, int events, Action measured)
    {
        await FillAsync(contender.Target, body, events);
        var (left, done) = (events, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        measured();
        var began = Stopwatch.GetTimestamp();
        await using var agent = await contender.ConnectAgentAsync(_ => Count());
        await done.Task.WaitAsync(Patience * 4);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        measured();
        return new LoadResult(events, seconds, new Histogram());

        void Count()
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                done.SetResult();
            }
        }
    }
}
