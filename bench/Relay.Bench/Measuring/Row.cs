using Relay.Bench.Contenders;
using Relay.Bench.Load;

namespace Relay.Bench.Measuring;

/// <summary>One line of a table: a contender under a load, round by round.</summary>
/// <param name="contender">Who.</param>
/// <param name="label">What the line is called.</param>
/// <param name="comparedWith">The label of the line that it is compared with.</param>
/// <param name="load">What it has to do. The action is called at the beginning and at the end of what is measured.</param>
internal sealed class Row(Contender contender, string label, string comparedWith, Func<Contender, Action, Task<LoadResult>> load)
{
    private readonly List<double> _rates = [];
    private readonly List<double> _p50 = [];
    private readonly List<double> _p99 = [];
    private readonly List<double> _p999 = [];
    private readonly PerProcess _cpu = new();
    private readonly PerProcess _allocated = new();

    public Contender Contender => contender;

    public string Label => label;

    public string ComparedWith => comparedWith;

    public IReadOnlyList<double> Rates => _rates;

    public double Rate => Median(_rates);

    /// <summary>ms, as the others.</summary>
    public double P50 => Median(_p50);

    public double P99 => Median(_p99);

    public double P999 => Median(_p999);

    public double PeakMemoryMiB { get; private set; }

    /// <summary>µs an event, by process.</summary>
    public IReadOnlyDictionary<string, double> Cpu => _cpu.Medians;

    /// <summary>Bytes an event, by process, of those that are .NET.</summary>
    public IReadOnlyDictionary<string, double> Allocated => _allocated.Medians;

    public static double Median(IReadOnlyList<double> values) => values.Order().ElementAtOrDefault(values.Count / 2);

    /// <summary>Starts the contender, and ends it afterwards.</summary>
    public async Task MeasureAsync()
    {
        await using var running = contender;
        await contender.StartAsync();
        await MeasureRunningAsync();
    }

    /// <summary>What is not measured: the contender runs, and is warm afterwards.</summary>
    public async Task WarmUpAsync()
    {
        await load(contender, static () => { });
        contender.IsWarm = true;
    }

    /// <summary>The contender runs.</summary>
    public async Task MeasureRunningAsync()
    {
        List<(string Process, double Cpu, double? Allocated)[]> used = [];
        var result = await load(contender, () => used.Add([.. contender.Processes.Select(static one => (one.Name, one.CpuMicroseconds, (double?)one.AllocatedBytes))]));
        _rates.Add(result.PerSecond);
        _p50.Add(result.Latency.Percentile(0.5));
        _p99.Add(result.Latency.Percentile(0.99));
        _p999.Add(result.Latency.Percentile(0.999));
        PeakMemoryMiB = Math.Max(PeakMemoryMiB, contender.Processes.Max(static process => process.PeakMemoryMiB));
        _cpu.Add(used[0].Zip(used[1], (before, after) => (before.Process, (double?)(after.Cpu - before.Cpu) / result.Events)));
        _allocated.Add(used[0].Zip(used[1], (before, after) => (before.Process, (after.Allocated - before.Allocated) / result.Events)));
    }

    /// <summary>What each of a contender's processes used in each round; those of one name are added up.</summary>
    private sealed class PerProcess
    {
        private readonly Dictionary<string, List<double>> _values = [];

        public IReadOnlyDictionary<string, double> Medians => _values.ToDictionary(static one => one.Key, static one => Median(one.Value));

        public void Add(IEnumerable<(string Process, double? Value)> round)
        {
            foreach (var group in round.Where(static one => one.Value is not null).GroupBy(static one => one.Process, static one => one.Value!.Value))
            {
                (_values.TryGetValue(group.Key, out var values) ? values : _values[group.Key] = []).Add(group.Sum());
            }
        }
    }
}
