using System.Globalization;
using Relay.Bench.Contenders;
using Relay.Bench.Measuring;

namespace Relay.Bench.Runs;

/// <summary>From the start of the process to <c>GET /readyz</c> that answers 200, on an empty store.</summary>
internal sealed class StartRun(Func<RelayContender[]> contenders) : Run("start")
{
    public override async Task MeasureAsync(Settings settings, Report report)
    {
        Console.WriteLine($"\nstart: seconds from the start of the process until it is ready. {settings.Rounds} rounds");
        foreach (var contender in (await SelectAsync(settings, contenders())).Cast<RelayContender>())
        {
            List<double> seconds = [];
            for (var round = 0; round < settings.Rounds; round++)
            {
                await using (contender)
                {
                    await contender.StartAsync();
                    seconds.Add(contender.ReadyAfter.TotalSeconds);
                }
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{contender.Name,-24} median {Row.Median(seconds):0.00}, {seconds.Min():0.00} to {seconds.Max():0.00}"));
            report.Add(contender, seconds);
        }
    }
}
