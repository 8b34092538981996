using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Runs;

internal sealed class IdleRun(Func<Contender[]> contenders) : Run("idle")
{
    private static readonly int[] Counts = [1000, 5000, 10_000];
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(30);

    public override async Task MeasureAsync(Settings settings, Report report)
    {
        Console.WriteLine($"\nidle: agents that are connected and get nothing but heartbeats, over {Duration.TotalSeconds:0} s");
        var selected = await SelectAsync(settings, contenders());
        foreach (var agents in settings.Agents ?? Counts)
        {
            foreach (var contender in selected)
            {
                await using (contender)
                {
                    await contender.StartAsync();
                    var result = await IdleAgents.MeasureAsync(contender, agents, Duration);
                    Table.Print(contender.Name, result);
                    report.Add(contender, result);
                }
            }
        }
    }
}
