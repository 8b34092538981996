using System.Globalization;
using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Runs;

/// <summary>Latency in an open loop, at rising parts of what the closed loop showed to be the maximum.</summary>
internal sealed class CurveRun(Func<Contender[]> contenders) : Run("curve")
{
    private static readonly double[] Loads = [0.1, 0.25, 0.5, 0.7, 0.85, 0.95];

    public override async Task MeasureAsync(Settings settings, Report report)
    {
        foreach (var size in settings.BodyBytes)
        {
            Console.WriteLine($"\ncurve: POST to agent, open loop at rising load. {settings.Rounds} rounds of {settings.Duration.TotalSeconds:0.#} s a point, body {size} bytes");
            var curves = await MeasureAsync([.. await SelectAsync(settings, contenders())], size, settings);
            curves.ForEach(Print);
            report.Add(curves);
            if (settings.SvgFile is { } file && curves.Count > 0)
            {
                // Several sizes are several pictures.
                var name = size == settings.BodyBytes[0] ? file : Path.ChangeExtension(file, string.Create(CultureInfo.InvariantCulture, $"{size}.svg"));
                await File.WriteAllTextAsync(name, CurvePicture.Draw(curves));
            }
        }
    }

    /// <summary>All are started and warmed up, and take turns in each round: at what they do at most, then at each part of that.</summary>
    private static async Task<List<Curve>> MeasureAsync(Contender[] contenders, int size, Settings settings)
    {
        var body = EventBody.Make(size);
        var lines = contenders.Select(static contender => new Line(contender)).ToArray();
        try
        {
            foreach (var contender in contenders)
            {
                await contender.StartAsync();
                await contender.WarmUpAsync(body);
                contender.IsWarm = true;
            }

            for (var round = 0; round < settings.Rounds; round++)
            {
                foreach (var line in InTurn(lines, round))
                {
                    line.Maxima.Add((await line.Contender.DeliverAsync(body, AllRuns.InFlight, settings.Duration, static () => { })).PerSecond);
                }

                foreach (var (point, load) in Loads.Index())
                {
                    foreach (var line in InTurn(lines, round + point))
                    {
                        var offered = line.Maxima[^1] * load;
                        var result = await line.Contender.PaceAsync(body, offered, AllRuns.InFlight, settings.Duration, static () => { });
                        line.Rounds[point].Add(new CurvePoint(
                            load, offered, result.PerSecond, result.Latency.Percentile(0.5), result.Latency.Percentile(0.99), result.Latency.Percentile(0.999)));
                    }
                }
            }
        }
        finally
        {
            await Task.WhenAll(contenders.Select(static contender => contender.DisposeAsync().AsTask()));
        }

        return [.. lines.Select(line => new Curve(line.Contender.Name, line.Contender.Note, size, Row.Median(line.Maxima), [.. line.Rounds.Select(Median)]))];
    }

    /// <summary>Of the rounds, figure by figure.</summary>
    private static CurvePoint Median(List<CurvePoint> rounds)
    {
        return new CurvePoint(
            rounds[0].Load, Of(static one => one.OfferedPerSecond), Of(static one => one.PerSecond), Of(static one => one.P50Ms), Of(static one => one.P99Ms), Of(static one => one.P999Ms));

        double Of(Func<CurvePoint, double> figure) => Row.Median([.. rounds.Select(figure)]);
    }

    private static void Print(Curve curve)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{curve.Contender}: at most {curve.MaxPerSecond:n0}/s with {AllRuns.InFlight} on their way ({curve.Note})"));
        Console.WriteLine($"{"load",6} {"offered/s",10} {"came/s",10} {"p50 ms",8} {"p99 ms",8} {"p99.9 ms",9}");
        foreach (var one in curve.Points)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{one.Load * 100,4:0} % {one.OfferedPerSecond,10:n0} {one.PerSecond,10:n0} {one.P50Ms,8:0.00} {one.P99Ms,8:0.00} {one.P999Ms,9:0.00}"));
        }
    }

    /// <summary>What is measured of a contender.</summary>
    private sealed record Line(Contender Contender)
    {
        public List<double> Maxima { get; } = [];

        /// <summary>By load.</summary>
        public List<CurvePoint>[] Rounds { get; } = [.. Loads.Select(static _ => new List<CurvePoint>())];
    }
}
