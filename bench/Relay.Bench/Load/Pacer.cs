using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Relay.Bench.Load;

/// <summary>
/// Says of each event when its moment has come. One thread sleeps in the kernel from moment to moment: timers of .NET are late by up to a
/// millisecond, and spinning would take the CPU from what is measured.
/// </summary>
internal static partial class Pacer
{
    private const int Monotonic = 1; // Stopwatch's clock.
    private const int Absolute = 1;

    /// <param name="perSecond">How many events.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>Their numbers, and their moments as <see cref="Stopwatch"/> has them.</returns>
    public static ChannelReader<(long Number, long Moment)> Start(double perSecond, CancellationToken stop)
    {
        var moments = Channel.CreateBounded<(long, long)>(new BoundedChannelOptions(1 << 20) { SingleWriter = true });
        new Thread(Run) { IsBackground = true, Name = "pacer" }.Start();
        return moments.Reader;

        void Run()
        {
            var start = Stopwatch.GetTimestamp();
            for (var number = 0L; !stop.IsCancellationRequested; number++)
            {
                var moment = start + (long)(number / perSecond * Stopwatch.Frequency);
                var until = new Timespec { Seconds = moment / Stopwatch.Frequency, Nanoseconds = moment % Stopwatch.Frequency };
                while (Stopwatch.GetTimestamp() < moment)
                {
                    // A signal may end it early.
                    ClockNanosleep(Monotonic, Absolute, in until, 0);
                }

                // Full: the contender is a million events behind, and they count as not done.
                moments.Writer.TryWrite((number, moment));
            }

            moments.Writer.Complete();
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_nanosleep")]
    private static partial int ClockNanosleep(int clock, int flags, in Timespec until, nint left);

    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
