using System.Globalization;

namespace Relay.Bench.Scale;

/// <summary><c>scale [agents events/s [waiting [KiB]]]…</c>: a table of what it takes; without arguments that of docs/scale.md.</summary>
internal static class ScaleCommand
{
    private static readonly Demand[] Usual =
    [
        new(100, 10, 1, 10_000), new(10_000, 100, 1, 100_000), new(10_000, 1_000, 1, 1_000_000), new(100_000, 1_000, 1, 1_000_000),
        new(100_000, 10_000, 1, 10_000_000), new(1_000_000, 10_000, 1, 10_000_000), new(1_000_000, 100_000, 1, 100_000_000),
    ];

    public static int Run(string[] arguments)
    {
        var demands = Usual;
        if (arguments.Length > 0)
        {
            if (arguments.Length is < 2 or > 4 || !arguments.All(static text => double.TryParse(text, CultureInfo.InvariantCulture, out _)))
            {
                Console.Error.WriteLine("scripts/bench scale [agents events-a-second [waiting-events [KiB-an-event]]]");
                return 2;
            }

            var numbers = arguments.Select(static text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
            demands = [new Demand(numbers[0], numbers[1], numbers.ElementAtOrDefault(3) is > 0 and var size ? size : 1, numbers.ElementAtOrDefault(2))];
        }

        var model = new ScaleModel(Measured.Read());
        Console.WriteLine(ScaleModel.Head);
        foreach (var demand in demands)
        {
            Console.WriteLine(model.Describe(demand));
        }

        return 0;
    }
}
