using System.Globalization;
using Xunit.Abstractions;

namespace Relay.Server.Tests.Delivery;

/// <summary>
/// Random agents on a pump. To see a failure again, set <c>RELAY_MODEL_SEED</c> to the seed that it names; what runs on other threads
/// may then still come in another order.
/// </summary>
public sealed class PumpModelTests(ITestOutputHelper output)
{
    private const int Runs = 400;
    private const int Steps = 400;

    [Fact]
    public async Task The_window_the_order_and_every_event_are_kept_whatever_the_agent_and_the_store_do()
    {
        var set = Environment.GetEnvironmentVariable("RELAY_MODEL_SEED");
        var seed = set is null ? Random.Shared.Next() : int.Parse(set, CultureInfo.InvariantCulture);
        output.WriteLine($"RELAY_MODEL_SEED={seed}: {Runs} runs");
        for (var run = 0; run < Runs; run++) await new PumpRun(seed + run).RunAsync(Steps);
    }
}
