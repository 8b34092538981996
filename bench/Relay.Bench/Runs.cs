using System.Globalization;
using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench;

/// <summary>What is measured, side by side: the contenders of a run take turns, round by round, each freshly started.</summary>
internal static class Runs
{
    private const int InFlight = 64;
    private const string Idle = "idle";

    private static readonly (string Name, string Text, string Base, Func<Contender[]> Contenders, Func<Contender, Settings, Action, Task<LoadResult>> Load)[] All =
    [
        ("ingest", "POSTs answered, 64 at a time, 1 KiB", "bare", static () =>
            [
                new FloorContender("bare", "bare"),
                new FloorContender("file", "file"), new RelayContender("relay embedded", null),
                new FloorContender("xadd no", "xadd", "no"), new RelayContender("relay redis no", "no"),
                new FloorContender("xadd everysec", "xadd", "everysec"), new RelayContender("relay redis everysec", "everysec"),
                new FloorContender("xadd always", "xadd", "always"), new RelayContender("relay redis always", "always"),
            ],
            static (contender, settings, measured) => Loads.AcceptAsync(contender.Target, EventBody.Make(settings.BodyBytes), InFlight, settings.Duration, measured)),
        ("deliver", "POST to ack, 64 on their way, 1 KiB", "naive everysec", static () =>
            [
                new FloorContender("file relay", "file-relay"), new RelayContender("relay embedded", null),
                new FloorContender("naive everysec", "naive", "everysec"), new RelayContender("relay redis everysec", "everysec"),
                new RelayContender("relay 2 nodes everysec", "everysec", nodes: 2),
                new FloorContender("naive always", "naive", "always"), new RelayContender("relay redis always", "always"),
            ],
            static (contender, settings, measured) => Loads.DeliverAsync(contender.Target, EventBody.Make(settings.BodyBytes), InFlight, settings.Duration, measured)),
        ("pace", "POST to agent at 200 a second, open loop", "naive everysec", static () =>
            [
                new FloorContender("file relay", "file-relay"), new RelayContender("relay embedded", null),
                new FloorContender("naive everysec", "naive", "everysec"), new RelayContender("relay redis everysec", "everysec"),
                new FloorContender("naive always", "naive", "always"), new RelayContender("relay redis always", "always"),
            ],
            static (contender, settings, measured) => Loads.PaceAsync(contender.Target, EventBody.Make(settings.BodyBytes), 200, 16, settings.Duration, measured)),
        ("drain", "10,000 waiting events to an agent that connects", "push", static () =>
            [
                new FloorContender("push", "push"), new RelayContender("relay embedded", null),
                new RelayContender("relay redis everysec", "everysec"), new RelayContender("relay redis always", "always"),
            ],
            static (contender, settings, measured) => Loads.DrainAsync(contender.Target, EventBody.Make(settings.BodyBytes), 10_000, measured)),
    ];

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (Settings.Read(arguments, [.. All.Select(static run => run.Name), Idle]) is not { } settings)
        {
            return 2;
        }

        foreach (var (name, text, floor, contenders, load) in All.Where(run => settings.Names.Contains(run.Name)))
        {
            Console.WriteLine($"\n{name}: {text}. {settings.Rounds} rounds of {settings.Duration.TotalSeconds:0.#} s, body {settings.BodyBytes} bytes");
            var rows = contenders().Where(one => settings.Only is null || settings.Only.Any(part => one.Name.Contains(part, StringComparison.Ordinal))).Select(static one => new Row(one)).ToList();
            for (var round = 0; round < settings.Rounds; round++)
            {
                // The order turns, so that nobody always comes first.
                foreach (var row in rows.Skip(round % rows.Count).Concat(rows.Take(round % rows.Count)))
                {
                    await row.MeasureAsync(settings, load);
                }
            }

            Table.Print(rows, floor);
        }

        if (settings.Names.Contains(Idle))
        {
            await MeasureIdleAsync(settings);
        }

        return 0;
    }

    private static async Task MeasureIdleAsync(Settings settings)
    {
        Console.WriteLine("\nidle: agents that are connected and get nothing but heartbeats, over 30 s");
        foreach (var agents in settings.Agents)
        {
            foreach (var contender in (Contender[])[new FloorContender("bare socket", "socket"), new RelayContender("relay embedded", null), new RelayContender("relay redis everysec", "everysec")])
            {
                await using (contender)
                {
                    await contender.StartAsync();
                    Table.Print(contender.Name, await IdleAgents.MeasureAsync(contender, agents, TimeSpan.FromSeconds(30)));
                }
            }
        }
    }
}

/// <summary>One contender's results.</summary>
internal sealed class Row(Contender contender)
{
    private readonly List<double> _rates = [];
    private readonly List<double> _p50 = [];
    private readonly List<double> _p99 = [];
    private readonly Dictionary<string, List<double>> _cpu = [];

    public string Name => contender.Name;

    public IReadOnlyList<double> Rates => _rates;

    public double P50 => Median(_p50);

    public double P99 => Median(_p99);

    public double PeakMemoryMiB { get; private set; }

    /// <summary>µs an event, by process.</summary>
    public string Cpu => string.Join(" ", _cpu.Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {Median(one.Value):0.0}")));

    public static double Median(IReadOnlyList<double> values) => values.Order().ElementAtOrDefault(values.Count / 2);

    public async Task MeasureAsync(Settings settings, Func<Contender, Settings, Action, Task<LoadResult>> load)
    {
        await using var running = contender;
        await contender.StartAsync();
        List<double[]> used = [];
        var result = await load(contender, settings, () => used.Add([.. contender.Processes.Select(static process => process.CpuMicroseconds)]));
        _rates.Add(result.PerSecond);
        _p50.Add(result.Latency.Percentile(0.5));
        _p99.Add(result.Latency.Percentile(0.99));
        PeakMemoryMiB = Math.Max(PeakMemoryMiB, contender.Processes.Max(static process => process.PeakMemoryMiB));
        var spent = contender.Processes.Select((process, i) => (process.Name, Cpu: (used[1][i] - used[0][i]) / result.Events));
        foreach (var (name, cpu) in spent.GroupBy(static one => one.Name, static (name, all) => (name, all.Sum(static one => one.Cpu))))
        {
            (_cpu.TryGetValue(name, out var values) ? values : _cpu[name] = []).Add(cpu);
        }
    }
}
