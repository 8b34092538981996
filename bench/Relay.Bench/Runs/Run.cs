using Relay.Bench.Contenders;
using Relay.Bench.Measuring;

namespace Relay.Bench.Runs;

/// <summary>What is measured, side by side.</summary>
/// <param name="name">As it is asked for.</param>
internal abstract class Run(string name)
{
    public string Name => name;

    public abstract Task MeasureAsync(Settings settings, Report report);

    /// <summary>Of these contenders, those that were asked for and can run here. What cannot run is told.</summary>
    protected static async Task<IReadOnlyList<Contender>> SelectAsync(Settings settings, IEnumerable<Contender> contenders)
    {
        List<Contender> selected = [];
        foreach (var contender in contenders.Where(one => settings.Only is null || settings.Only.Any(part => one.Name.Contains(part, StringComparison.Ordinal))))
        {
            if (await contender.FindMissingAsync() is { } missing)
            {
                Console.WriteLine($"{contender.Name} is left out: {missing}.");
            }
            else
            {
                selected.Add(contender);
            }
        }

        return selected;
    }

    /// <summary>The order turns, so that nobody always comes first.</summary>
    protected static IEnumerable<T> InTurn<T>(T[] all, int turn) => all.Skip(turn % Math.Max(1, all.Length)).Concat(all.Take(turn % Math.Max(1, all.Length)));
}
