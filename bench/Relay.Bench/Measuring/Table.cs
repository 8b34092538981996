using System.Globalization;
using Relay.Bench.Load;

namespace Relay.Bench.Measuring;

internal static class Table
{
    public static void Print(string name, IdleResult idle) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-24} {idle.Agents,6} agents {idle.KiBEach,6:0.0} KiB each  cores: {string.Join(" ", idle.Cores.Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {one.Value:0.000}")))}"));

    /// <param name="rows">What was measured.</param>
    /// <param name="floor">The row that the others are compared with.</param>
    public static void Print(IReadOnlyList<Row> rows, string floor)
    {
        var compared = rows.FirstOrDefault(row => row.Name == floor);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"",-24} {"median/s",10} {"min",9} {"max",9} {"ratio",6} {"p50 ms",7} {"p99 ms",7}  peak MiB  CPU µs an event"));
        foreach (var row in rows)
        {
            var median = Row.Median(row.Rates);
            var ratio = compared is null ? double.NaN : median / Row.Median(compared.Rates);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Name,-24} {median,10:n0} {row.Rates.Min(),9:n0} {row.Rates.Max(),9:n0} {ratio,6:0.00} {row.P50,7:0.00} {row.P99,7:0.00}  {row.PeakMemoryMiB,8:0}  {row.Cpu}"));
        }
    }
}
