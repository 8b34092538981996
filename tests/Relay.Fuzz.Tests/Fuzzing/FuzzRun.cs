using System.Diagnostics;
using System.Globalization;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>
/// Ten rounds of attacks by a few workers at once, then a look at the server: it logged no error, delivers a good webhook, and holds about as
/// much memory and as many handles as after the first round.
/// </summary>
internal sealed class FuzzRun(string name, string store, Func<FuzzWorld, IAttack> attack)
{
    private const int Rounds = 10;
    private const int Workers = 8;
    private const long MoreBytes = 64 << 20;
    private const int MoreHandles = 100;

    private long _cases;

    public static int Seed { get; } = (int)Setting("RELAY_FUZZ_SEED", Random.Shared.Next());

    /// <summary>For each kind of attack.</summary>
    public static TimeSpan Duration { get; } = TimeSpan.FromSeconds(Setting("RELAY_FUZZ_SECONDS", 5));

    /// <returns>A line that says what was done.</returns>
    public async Task<string> RunAsync()
    {
        var world = await FuzzWorld.StartAsync(store);
        await using var relay = world.Relay;
        var (bytes, handles) = (0L, 0);
        for (var round = 0; round < Rounds; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => AttackAsync(world, round, worker))));
            Assert.True(!relay.Logs.Errors.Any(), string.Join("\n", relay.Logs.Errors));
            await world.AssertNothingForgedAsync();
            if (round == 0)
            {
                (bytes, handles) = (Bytes(), Handles());
            }
        }

        await Eventually.AsyncTrue(() => Bytes() < bytes + MoreBytes && Handles() < handles + MoreHandles);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        using var socket = await Wire.RawWebSocket.OpenAsync(relay, agent);
        Assert.Equal(id, (await socket.ReceiveJsonAsync()).GetProperty("id").GetString());
        return string.Create(CultureInfo.InvariantCulture,
            $"{name} on {store}, seed {Seed}: {_cases} cases, {_cases / Duration.TotalSeconds:f0} a second; {bytes >> 20} MiB and {handles} handles after the first round, {Bytes() >> 20} MiB and {Handles()} after the last");
    }

    private async Task AttackAsync(FuzzWorld world, int round, int worker)
    {
        using var one = attack(world);
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; TimeProvider.System.GetElapsedTime(began) < Duration / Rounds; i++)
        {
            // Each case has a seed of its own, so that it does not depend on how many went before it in time.
            var seed = unchecked((((Seed * 31) + round) * 31) + worker + (i * 7919));
            try
            {
                await one.RunAsync(new Random(seed));
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"{name} on {store}, RELAY_FUZZ_SEED={Seed}, round {round}, worker {worker}, case {i}: {exception.Message}", exception);
            }

            Interlocked.Increment(ref _cases);
        }
    }

    private static long Bytes() => GC.GetTotalMemory(forceFullCollection: true);

    private static int Handles()
    {
        using var self = Process.GetCurrentProcess();
        return self.HandleCount;
    }

    private static double Setting(string name, double otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
