using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Bench.Contenders;
using Relay.Bench.Load;

namespace Relay.Bench.Measuring;

/// <summary>
/// All results, as JSON: <c>{machine, settings, tables: […], idle: […], starts: […], curves: […]}</c>. Rates are events a second, latencies ms, CPU is µs an event and
/// allocations are bytes an event, each by process; a figure that was not measured is null.
/// </summary>
internal sealed class Report(Settings settings)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Converters = { new RoundedConverter() },
    };

    private readonly List<object> _tables = [];
    private readonly List<object> _idle = [];
    private readonly List<object> _starts = [];
    private readonly List<Curve> _curves = [];

    public void Add(string run, string text, int bodyBytes, IReadOnlyList<Row> rows) => _tables.Add(new
    {
        Run = run,
        Text = text,
        BodyBytes = bodyBytes,
        Results = rows.Select(row => new
        {
            row.Label,
            Contender = row.Contender.Name,
            row.Contender.Note,
            row.Rates,
            Median = row.Rate,
            Min = row.Rates.Min(),
            Max = row.Rates.Max(),
            row.ComparedWith,
            Ratio = Table.Ratio(row, rows),
            P50Ms = row.P50,
            P99Ms = row.P99,
            P999Ms = row.P999,
            CpuMicrosecondsPerEvent = row.Cpu,
            AllocatedBytesPerEvent = row.Allocated,
            PeakMib = row.PeakMemoryMiB,
        }).ToArray(),
    });

    public void Add(Contender contender, IdleResult idle) => _idle.Add(new { Contender = contender.Name, contender.Note, idle.Agents, KibEach = idle.KiBEach, KibCollected = idle.KiBCollected, idle.Cores });

    public void Add(Contender contender, IReadOnlyList<double> secondsToReady) => _starts.Add(new { Contender = contender.Name, SecondsToReady = secondsToReady, Median = Row.Median(secondsToReady) });

    public void Add(IEnumerable<Curve> curves) => _curves.AddRange(curves);

    /// <summary>Of all that was measured until now.</summary>
    public async Task WriteAsync(string path)
    {
        var all = new
        {
            MeasuredAt = TimeProvider.System.GetUtcNow(),
            Machine = await Machine.ReadAsync(),
            Settings = new { Runs = settings.Names, settings.Only, settings.Rounds, Seconds = settings.Duration.TotalSeconds, settings.BodyBytes, settings.Agents, settings.Waiting },
            Tables = _tables,
            Idle = _idle,
            Starts = _starts,
            Curves = _curves,
        };
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(all, Json) + "\n");
    }

    /// <summary>Four digits after the point; what is not a number is null.</summary>
    private sealed class RoundedConverter : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
            {
                writer.WriteNumberValue(Math.Round(value, 4));
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }
}
