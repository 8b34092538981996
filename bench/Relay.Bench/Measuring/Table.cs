using System.Globalization;
using Relay.Bench.Load;

namespace Relay.Bench.Measuring;

internal static class Table
{
    public static void Print(string name, IdleResult idle) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-24} {idle.Agents,6} agents {idle.KiBEach,6:0.0} KiB each, {idle.KiBCollected,6:0.0} collected  cores: {Join(idle.Cores, "0.000")}"));

    public static void Print(IReadOnlyList<Row> rows)
    {
        var width = Math.Max(24, rows.Max(static row => row.Label.Length));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{new string(' ', width)} {"median/s",10} {"min",9} {"max",9} {"ratio",6} {"p50 ms",7} {"p99 ms",7}  peak MiB  {"B/event",8}  CPU µs an event"));
        foreach (var row in rows)
        {
            var allocated = row.Allocated.Count == 0 ? "" : row.Allocated.Values.Sum().ToString("n0", CultureInfo.InvariantCulture);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Label.PadRight(width)} {row.Rate,10:n0} {row.Rates.Min(),9:n0} {row.Rates.Max(),9:n0} {Ratio(row, rows),6:0.00} {row.P50,7:0.00} {row.P99,7:0.00}  {row.PeakMemoryMiB,8:0}  {allocated,8}  {Join(row.Cpu, "0.0")}"));
        }

        foreach (var group in rows.Select(static row => (row.Contender.Name, row.Contender.Note)).Distinct().GroupBy(static one => one.Note, static one => one.Name))
        {
            Console.WriteLine($"  {string.Join(", ", group)}: {group.Key}");
        }
    }

    /// <summary>Of a row's rate to that of the row that it is compared with; NaN: that was not measured.</summary>
    public static double Ratio(Row row, IReadOnlyList<Row> rows) => rows.FirstOrDefault(one => one.Label == row.ComparedWith) is { } other ? row.Rate / other.Rate : double.NaN;

    private static string Join(IReadOnlyDictionary<string, double> values, string format) =>
        string.Join(" ", values.Select(one => $"{one.Key} {one.Value.ToString(format, CultureInfo.InvariantCulture)}"));
}
