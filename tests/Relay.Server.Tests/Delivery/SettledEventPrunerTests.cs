using Microsoft.Extensions.Logging;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Delivery;

public sealed class SettledEventPrunerTests
{
    [Fact]
    public async Task Whatever_goes_wrong_it_says_so_and_goes_on()
    {
        var (clock, logs) = (new FakeTimeProvider(), new LogCollector());
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(logs));
        var queue = new ModelQueue(new DeliveryOptions()) { PruneFault = new InvalidOperationException("The test says so.") };
        using var pruner = new SettledEventPruner(queue, clock, loggers.CreateLogger<SettledEventPruner>());
        await pruner.StartAsync(CancellationToken.None);

        foreach (var failures in (int[])[1, 2])
        {
            await Eventually.AsyncTrue(() =>
            {
                clock.Advance(TimeSpan.FromSeconds(10));
                return queue.Prunes >= failures;
            });
        }

        Assert.Contains(logs.Texts, static text => text.Contains("The test says so.", StringComparison.Ordinal));
        queue.PruneFault = null;
        await pruner.StopAsync(CancellationToken.None);
        await pruner.ExecuteTask!;
    }
}
