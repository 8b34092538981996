using System.Collections.Concurrent;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Counts what was accepted and what was delivered, by the number that each event carries in its body. Any thread.</summary>
internal sealed class Tally
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly ConcurrentDictionary<int, byte> _accepted = new();
    private readonly ConcurrentDictionary<int, int> _delivered = new();
    private int _refused;

    public int Accepted => _accepted.Count;

    public int Refused => Volatile.Read(ref _refused);

    public int Delivered => _delivered.Count;

    public int DeliveredMoreThanOnce => CountDeliveredMoreThanOnce(static _ => true);

    public int CountDeliveredMoreThanOnce(Predicate<int> among) => _delivered.Count(item => item.Value > 1 && among(item.Key));

    /// <summary>What was accepted and has not been delivered, yet.</summary>
    public int Lost => LostNumbers().Count();

    /// <summary>Of those that were accepted while none was at risk.</summary>
    public int LostWithoutRisk => _accepted.Count(item => item.Value == 0 && !_delivered.ContainsKey(item.Key));

    /// <summary>Whether what is accepted now may be lost by what happens now.</summary>
    public bool IsAtRisk { get; set; }

    /// <summary>The sender got a 2xx: from now on this event must not be lost, unless it is at risk.</summary>
    public void Accept(int number) => Assert.True(_accepted.TryAdd(number, (byte)(IsAtRisk ? 1 : 0)));

    /// <summary>The sender got an error or none: the event may come or not.</summary>
    public void Refuse() => Interlocked.Increment(ref _refused);

    public void Deliver(int number) => _delivered.AddOrUpdate(number, 1, static (_, times) => times + 1);

    public Task WhenAcceptedAsync(int count) => WhenAsync(() => Accepted >= count);

    /// <summary>Waits until so many more were accepted by all of them together.</summary>
    public static Task WhenAcceptedAsync(IReadOnlyList<Tally> tallies, int more)
    {
        var before = tallies.Sum(static tally => tally.Accepted);
        return WhenAsync(() => tallies.Sum(static tally => tally.Accepted) >= before + more);
    }

    public Task WhenRefusedAsync(int count) => WhenAsync(() => Refused >= count);

    public Task WhenDeliveredAsync(int count) => WhenAsync(() => Delivered >= count);

    public Task WhenDeliveredTwiceAsync(Predicate<int> among) =>
        WhenAsync(() => _accepted.Keys.Where(number => among(number)).All(number => _delivered.GetValueOrDefault(number) > 1));

    /// <summary>Waits until everything accepted was delivered, prints the counts, and fails if something was lost.</summary>
    public async Task AssertNothingLostAsync(ITestOutputHelper output, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (LostNumbers().Any() && TimeProvider.System.GetElapsedTime(began) < Patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        var lost = Lost;
        var line = $"{what}: accepted {Accepted}, refused {Refused}, delivered {_delivered.Count}, delivered more than once {DeliveredMoreThanOnce}, lost {lost}";
        output.WriteLine(line);
        Console.WriteLine(line);
        Assert.True(lost == 0, line);
    }

    public static Task WhenAsync(Func<bool> isSo) => WhenAsync(() => Task.FromResult(isSo()));

    public static async Task WhenAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await isSo())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
        }
    }

    private IEnumerable<int> LostNumbers() => _accepted.Keys.Where(number => !_delivered.ContainsKey(number));
}
