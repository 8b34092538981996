using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Runs;

/// <summary>A load of its own kind.</summary>
/// <param name="Label">What is added to the contender's name; empty: nothing.</param>
/// <param name="Load">What a started contender has to do. The action is called at the beginning and at the end of what is measured.</param>
internal sealed record Case(string Label, Func<Contender, byte[], Action, Task<LoadResult>> Load);

/// <summary>
/// A table for each size of body, a line for each contender in each case. They take turns, round by round, each freshly started; or all are started and
/// warmed up at the beginning of a round, and take several turns in it, so that what a machine does at one time and not at another is nobody's.
/// </summary>
/// <param name="name">As it is asked for.</param>
/// <param name="text">What it is, in a few words.</param>
/// <param name="floor">The contender that the others are compared with; null: each line is compared with its contender's first.</param>
/// <param name="contenders">Who, not started.</param>
/// <param name="cases">Doing what; one, if they run beside each other.</param>
/// <param name="turns">How many turns each has in a round in which they run beside each other; 0: they do not.</param>
internal sealed class TableRun(string name, string text, string? floor, Func<Contender[]> contenders, Func<Settings, Case[]> cases, int turns = 0) : Run(name)
{
    public override async Task MeasureAsync(Settings settings, Report report)
    {
        foreach (var size in settings.BodyBytes)
        {
            Console.WriteLine($"\n{Name}: {text}. {settings.Rounds} rounds of {settings.Duration.TotalSeconds:0.#} s, body {size} bytes");
            var (body, all) = (EventBody.Make(size), cases(settings));
            var rows = (await SelectAsync(settings, contenders())).SelectMany(contender => all.Select(one => new Row(
                contender, Label(contender.Name, one), floor ?? Label(contender.Name, all[0]), (running, measured) => one.Load(running, body, measured)))).ToArray();
            if (rows.Length == 0)
            {
                continue;
            }

            for (var round = 0; round < settings.Rounds; round++)
            {
                await MeasureBesideAsync([.. rows.Where(IsBeside)]);
                await MeasureApartAsync([.. rows.Where(row => !IsBeside(row))], round);
            }

            Table.Print(rows);
            report.Add(Name, text, size, rows);
        }

        static string Label(string contender, Case one) => $"{contender} {one.Label}".TrimEnd();
    }

    private bool IsBeside(Row row) => turns > 0 && row.Contender.Rests;

    private static async Task MeasureApartAsync(Row[] rows, int round)
    {
        foreach (var row in InTurn(rows, round))
        {
            await row.MeasureAsync();
        }
    }

    private async Task MeasureBesideAsync(Row[] rows)
    {
        var started = new List<Contender>();
        try
        {
            foreach (var row in rows)
            {
                started.Add(row.Contender);
                await row.Contender.StartAsync();
                await row.WarmUpAsync();
            }

            for (var turn = 0; turn < turns; turn++)
            {
                foreach (var row in InTurn(rows, turn))
                {
                    await row.MeasureRunningAsync();
                }
            }
        }
        finally
        {
            // Each, whatever becomes of the others.
            await Task.WhenAll(started.Select(static contender => contender.DisposeAsync().AsTask()));
        }
    }
}
