using System.Globalization;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>A few seconds here; <c>scripts/soak</c> makes it longer.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task Whatever_fails_nothing_is_lost_and_nothing_is_left_behind(string store)
    {
        var minutes = double.Parse(Environment.GetEnvironmentVariable("RELAY_SOAK_MINUTES") ?? "0.1", CultureInfo.InvariantCulture);
        var seed = int.Parse(Environment.GetEnvironmentVariable("RELAY_SOAK_SEED") ?? $"{Random.Shared.Next()}", CultureInfo.InvariantCulture);
        Print($"{store}, seed {seed}");
        await new Soak(store, seed, TimeSpan.FromMinutes(minutes), Print).RunAsync();
    }

    private void Print(string line)
    {
        output.WriteLine(line);
        Console.WriteLine(line);
    }
}
