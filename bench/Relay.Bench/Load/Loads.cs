using System.Diagnostics;
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
    /// <summary>As long as the runtime takes to compile what is hot as well as it can: a bigger program takes longer than a small one.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>So many connections post one event after another; an event is done when its POST is answered.</summary>
    public static async Task<LoadResult> AcceptAsync(Target target, byte[] body, int connections, TimeSpan duration, Action measured)
    {
        using var stop = new CancellationTokenSource();
        var gate = new Gate();
        var running = Enumerable.Range(0, connections).Select(slot => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(target, body);
            for (var number = slot; !stop.IsCancellationRequested; number = (number + connections) % 100_000_000)
            {
                var began = Stopwatch.GetTimestamp();
                await poster.PostAsync(number);
                gate.Done(began);
            }
        })).ToArray();
        return await gate.MeasureAsync(duration, running, stop, measured);
    }

    /// <summary>So many events are on their way at a time; one is done when it was posted, answered, and received by its agent.</summary>
    public static async Task<LoadResult> DeliverAsync(Target target, byte[] body, int inFlight, TimeSpan duration, Action measured)
    {
        using var stop = new CancellationTokenSource();
        var gate = new Gate();
        var received = Enumerable.Range(0, inFlight).Select(static _ => new SemaphoreSlim(0)).ToArray();
        await using var agent = await Agent.ConnectAsync(target, number => received[number].Release(), window: 1024);
        var running = Enumerable.Range(0, inFlight).Select(slot => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(target, body);
            while (!stop.IsCancellationRequested)
            {
                var began = Stopwatch.GetTimestamp();
                await poster.PostAsync(slot);
                if (!await received[slot].WaitAsync(Patience))
                {
                    throw new InvalidOperationException("An event was accepted and did not come.");
                }

                gate.Done(began);
            }
        })).ToArray();
        return await gate.MeasureAsync(duration, running, stop, measured);
    }

    /// <summary>
    /// Events are sent at a rate, whether or not earlier ones are done: each has its moment, and its latency counts from then, so that a
    /// stall is seen in all that it held up.
    /// </summary>
    public static async Task<LoadResult> PaceAsync(Target target, byte[] body, double perSecond, int connections, TimeSpan duration, Action measured)
    {
        using var stop = new CancellationTokenSource();
        var gate = new Gate();
        var moments = new long[100_000];
        await using var agent = await Agent.ConnectAsync(target, number => gate.Done(Volatile.Read(ref moments[number])), window: 1024);
        var (next, start) = (-1L, Stopwatch.GetTimestamp());
        var running = Enumerable.Range(0, connections).Select(_ => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(target, body);
            while (!stop.IsCancellationRequested)
            {
                var sequence = Interlocked.Increment(ref next);
                var moment = start + (long)(sequence / perSecond * Stopwatch.Frequency);
                await UntilAsync(moment);
                var number = (int)(sequence % moments.Length);
                Volatile.Write(ref moments[number], moment);
                await poster.PostAsync(number);
            }
        })).ToArray();
        return await gate.MeasureAsync(duration, running, stop, measured);
    }

    /// <summary>So many events wait for an agent that then connects.</summary>
    public static async Task<LoadResult> DrainAsync(Target target, byte[] body, int events, Action measured)
    {
        await Task.WhenAll(Enumerable.Range(0, 64).Select(slot => Task.Run(async () =>
        {
            using var poster = await Poster.ConnectAsync(target, body);
            for (var number = slot; number < events; number += 64)
            {
                await poster.PostAsync(number);
            }
        })));
        var (left, done) = (events, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        measured();
        var began = Stopwatch.GetTimestamp();
        await using var agent = await Agent.ConnectAsync(target, _ => Count(), window: 1024);
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

    private static async ValueTask UntilAsync(long moment)
    {
        var left = (moment - Stopwatch.GetTimestamp()) * 1000.0 / Stopwatch.Frequency;
        if (left > 2)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(left - 1.5), TimeProvider.System);
        }

        while (Stopwatch.GetTimestamp() < moment)
        {
            await Task.Yield();
        }
    }

    /// <summary>Counts only what is done while it is open.</summary>
    private sealed class Gate
    {
        private readonly Histogram _latency = new();
        private long _count;
        private volatile bool _isOpen;

        public void Done(long began)
        {
            if (_isOpen)
            {
                Interlocked.Increment(ref _count);
                _latency.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
            }
        }

        /// <param name="duration">How long.</param>
        /// <param name="running">The load, which ends after the stop.</param>
        /// <param name="stop">Ends it.</param>
        /// <param name="measured">Called at the beginning and at the end of what is measured.</param>
        public async Task<LoadResult> MeasureAsync(TimeSpan duration, Task[] running, CancellationTokenSource stop, Action measured)
        {
            await PassAsync(WarmUp);
            measured();
            _isOpen = true;
            var began = Stopwatch.GetTimestamp();
            await PassAsync(duration);
            var (count, seconds) = (Interlocked.Read(ref _count), Stopwatch.GetElapsedTime(began).TotalSeconds);
            _isOpen = false;
            measured();
            await stop.CancelAsync();
            await Task.WhenAll(running);
            return new LoadResult(count, seconds, _latency);

            async Task PassAsync(TimeSpan time)
            {
                // What fails ends the run.
                if (await Task.WhenAny([Task.Delay(time, TimeProvider.System), .. running]) is { IsFaulted: true } failed)
                {
                    await failed;
                }
            }
        }
    }
}
