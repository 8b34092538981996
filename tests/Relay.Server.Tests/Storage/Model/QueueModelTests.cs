using System.Globalization;
using Relay.Server.Delivery;
using Relay.Server.Tests.Storage.Redis;
using Xunit.Abstractions;

namespace Relay.Server.Tests.Storage.Model;

/// <summary>
/// Random sequences of calls on a store, answer for answer against <see cref="QueueModel"/>. To see a failure again, set
/// <c>RELAY_MODEL_SEED</c> to the seed that it names; <c>RELAY_MODEL_ROUNDS</c> makes it longer.
/// </summary>
public sealed class QueueModelTests(ITestOutputHelper output)
{
    private const int RunsPerRound = 100;
    private const int CallsBetweenCrashes = 40;
    private static readonly DateTimeOffset LongAfter = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public Task The_embedded_store_answers_as_the_model_does() => RunRoundsAsync(rounds: 20, EmbeddedHarness.New);

    [Fact]
    public async Task The_redis_store_answers_as_the_model_does()
    {
        await using var redis = await RedisServer.StartAsync();
        await RunRoundsAsync(rounds: 6, () => new RedisStoreHarness(redis));
    }

    private async Task RunRoundsAsync(int rounds, Func<IStoreHarness> newHarness)
    {
        var seed = Setting("RELAY_MODEL_SEED") ?? Random.Shared.Next();
        rounds = Setting("RELAY_MODEL_ROUNDS") ?? rounds;
        output.WriteLine($"RELAY_MODEL_SEED={seed}: {rounds * RunsPerRound} runs");
        for (var round = 0; round < rounds; round++, seed++)
        {
            try
            {
                await RunRoundAsync(seed, newHarness);
            }
            catch
            {
                output.WriteLine($"See it again with RELAY_MODEL_SEED={seed} RELAY_MODEL_ROUNDS=1");
                throw;
            }
        }
    }

    /// <summary>Many agents beside each other on one store, which crashes up to twice.</summary>
    private static async Task RunRoundAsync(int seed, Func<IStoreHarness> newHarness)
    {
        var random = new Random(seed);
        var options = random.Next(2) == 0
            ? new DeliveryOptions()
            : new DeliveryOptions { DeliveredKept = random.Next(5), DeliveredKeptBytes = random.Next(20, 200) };
        var runs = Enumerable.Range(0, RunsPerRound).Select(_ => new QueueRun(random.Next(), options)).ToArray();
        await using var harness = newHarness();

        IDeliveryQueue queue;
        var crashes = random.Next(3);
        do
        {
            queue = (await harness.OpenAsync(options)).Queue;
            await Task.WhenAll(runs.Select(run => run.RunAsync(queue, CallsBetweenCrashes)));
        }
        while (crashes-- > 0);

        await Task.WhenAll(runs.Select(run => run.CompareEventsAsync(queue)));
        if (harness.ForgetsByItself) return;

        await queue.PruneAsync(LongAfter);
        Array.ForEach(runs, run => run.Prune(LongAfter));
        await Task.WhenAll(runs.Select(run => run.CompareEventsAsync(queue)));
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : null;
}
