using System.Globalization;
using System.Net;
using System.Text;

namespace Relay.Bench.Measuring;

/// <summary>
/// Curves as one SVG: throughput to the right, latency upwards on a logarithmic scale, p99 as a line and p50 as a dashed one. Its colours follow the
/// reader's, light or dark.
/// </summary>
internal sealed class CurvePicture
{
    private const int Width = 880;
    private const int Height = 500;
    private const int Left = 70;
    private const int Right = 36;
    private const int Top = 80;
    private const int Bottom = 60;
    private const string Style = """
        <style>
          text { font: 13px system-ui, sans-serif; fill: #1f2328; }
          .paper { fill: #ffffff; } .grid { stroke: #d8dee4; } .axis { stroke: #1f2328; }
          .p99 { fill: none; stroke-width: 2.5; } .p50 { fill: none; stroke-width: 1.5; stroke-dasharray: 6 4; }
          .c0 { stroke: #0b66c2; } .c1 { stroke: #c4420a; } .c2 { stroke: #1a7f37; } .c3 { stroke: #8250df; }
          .dot { stroke-width: 6; stroke-linecap: round; }
          @media (prefers-color-scheme: dark) {
            text { fill: #e6edf3; } .paper { fill: #0d1117; } .grid { stroke: #30363d; } .axis { stroke: #e6edf3; }
            .c0 { stroke: #58a6ff; } .c1 { stroke: #ff9b5e; } .c2 { stroke: #4cc46a; } .c3 { stroke: #c297ff; }
          }
        </style>
        """;

    private readonly StringBuilder _svg = new();
    private readonly double _maxRate;
    private readonly double _rateStep;
    private readonly double _minDecade;
    private readonly double _maxDecade;

    private CurvePicture(IReadOnlyList<Curve> curves)
    {
        var points = curves.SelectMany(static curve => curve.Points).ToArray();
        _rateStep = NiceStep(points.Max(static one => one.PerSecond) / 6);
        _maxRate = Math.Ceiling(points.Max(static one => one.PerSecond) / _rateStep) * _rateStep;
        _minDecade = Math.Floor(Math.Log10(points.Min(static one => one.P50Ms)));
        _maxDecade = Math.Max(_minDecade + 1, Math.Ceiling(Math.Log10(points.Max(static one => one.P99Ms))));
    }

    public static string Draw(IReadOnlyList<Curve> curves) => new CurvePicture(curves).DrawAll(curves);

    private string DrawAll(IReadOnlyList<Curve> curves)
    {
        Add($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" role="img" aria-label="Latency against throughput">""");
        _svg.Append(Style).Append('\n');
        Add($"""<rect width="{Width}" height="{Height}" class="paper"/>""");
        DrawRates();
        DrawLatencies();
        for (var i = 0; i < curves.Count; i++)
        {
            DrawCurve(curves[i], i);
        }

        Add($"""<text x="{Left}" y="66">lines: p99, dashed: p50; events of {curves[0].BodyBytes} bytes, open loop</text>""");
        _svg.Append("</svg>\n");
        return _svg.ToString();
    }

    private void DrawRates()
    {
        for (var rate = 0.0; rate <= _maxRate; rate += _rateStep)
        {
            Add($"""<line class="grid" x1="{X(rate):0.#}" x2="{X(rate):0.#}" y1="{Top}" y2="{Height - Bottom}"/>""");
            Add($"""<text x="{X(rate):0.#}" y="{Height - Bottom + 20}" text-anchor="middle">{rate:n0}</text>""");
        }

        Add($"""<line class="axis" x1="{Left}" x2="{Width - Right}" y1="{Height - Bottom}" y2="{Height - Bottom}"/>""");
        Add($"""<text x="{(Left + Width - Right) / 2}" y="{Height - 16}" text-anchor="middle">events a second that came to the agent</text>""");
    }

    private void DrawLatencies()
    {
        for (var decade = _minDecade; decade <= _maxDecade; decade++)
        {
            foreach (var ms in ((double[])[1, 2, 5]).Select(factor => factor * Math.Pow(10, decade)).Where(ms => ms <= Math.Pow(10, _maxDecade) * 1.001))
            {
                Add($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(ms):0.#}" y2="{Y(ms):0.#}"/>""");
                Add($"""<text x="{Left - 8}" y="{Y(ms) + 4:0.#}" text-anchor="end">{ms:0.##}</text>""");
            }
        }

        Add($"""<line class="axis" x1="{Left}" x2="{Left}" y1="{Top}" y2="{Height - Bottom}"/>""");
        var middle = (Top + Height - Bottom) / 2;
        Add($"""<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">ms from POST to agent</text>""");
    }

    private void DrawCurve(Curve curve, int index)
    {
        var color = string.Create(CultureInfo.InvariantCulture, $"c{index % 4}");
        Add($"""<polyline class="p50 {color}" points="{Points(curve, static one => one.P50Ms)}"/>""");
        Add($"""<polyline class="p99 {color}" points="{Points(curve, static one => one.P99Ms)}"/>""");
        foreach (var one in curve.Points)
        {
            Add($"""<path class="dot {color}" d="M{X(one.PerSecond):0.#} {Y(one.P99Ms):0.#}h0.01"><title>{one.PerSecond:n0}/s: p50 {one.P50Ms:0.00} ms, p99 {one.P99Ms:0.00} ms</title></path>""");
        }

        var x = Left + (index % 4 * 200);
        Add($"""<line class="p99 {color}" x1="{x}" x2="{x + 26}" y1="36" y2="36"/>""");
        Add($"""<text x="{x + 34}" y="40">{WebUtility.HtmlEncode(curve.Contender)}</text>""");
    }

    private string Points(Curve curve, Func<CurvePoint, double> latency) =>
        string.Join(' ', curve.Points.Select(one => string.Create(CultureInfo.InvariantCulture, $"{X(one.PerSecond):0.#},{Y(latency(one)):0.#}")));

    private double X(double perSecond) => Left + (perSecond / _maxRate * (Width - Left - Right));

    private double Y(double ms) => Height - Bottom - ((Math.Log10(ms) - _minDecade) / (_maxDecade - _minDecade) * (Height - Top - Bottom));

    /// <summary>1, 2 or 5 times a power of ten, at least as much.</summary>
    private static double NiceStep(double least)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return ((double[])[1, 2, 5, 10]).Select(factor => factor * power).First(step => step >= least);
    }

    private void Add(FormattableString element) => _svg.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
