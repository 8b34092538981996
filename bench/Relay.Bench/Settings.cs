using System.Globalization;

namespace Relay.Bench;

/// <param name="Names">Which runs.</param>
/// <param name="Only">Parts of contenders' names; null: all.</param>
/// <param name="Rounds">How often each contender has its turn.</param>
/// <param name="Duration">How long it is measured each time.</param>
/// <param name="BodyBytes">The size of an event.</param>
/// <param name="Agents">How many are connected, of runs that are about that.</param>
internal sealed record Settings(IReadOnlyList<string> Names, IReadOnlyList<string>? Only, int Rounds, TimeSpan Duration, int BodyBytes, IReadOnlyList<int> Agents)
{
    /// <returns>Null: the arguments were wrong, and that has been said.</returns>
    public static Settings? Read(string[] arguments, string[] known)
    {
        var names = arguments.TakeWhile(static argument => !argument.StartsWith("--", StringComparison.Ordinal)).ToArray();
        var options = arguments.Skip(names.Length).Chunk(2).ToArray();
        try
        {
            if (names.Except(known).Any() || options.Any(static option => option.Length < 2 || option[0] is not ("--only" or "--rounds" or "--seconds" or "--body" or "--agents")))
            {
                throw new FormatException();
            }

            return new Settings(
                names.Length == 0 ? known : names,
                Find("--only")?.Split(','),
                int.Parse(Find("--rounds") ?? "5", CultureInfo.InvariantCulture),
                TimeSpan.FromSeconds(double.Parse(Find("--seconds") ?? "3", CultureInfo.InvariantCulture)),
                int.Parse(Find("--body") ?? "1024", CultureInfo.InvariantCulture),
                [.. (Find("--agents") ?? "1000,5000,10000").Split(',').Select(static count => int.Parse(count, CultureInfo.InvariantCulture))]);
        }
        catch (FormatException)
        {
            Console.Error.WriteLine($"scripts/bench [{string.Join('|', known)}]… [--only name,…] [--rounds 5] [--seconds 3] [--body 1024] [--agents 1000,5000,10000]");
            return null;
        }

        string? Find(string name) => options.FirstOrDefault(option => option[0] == name)?[1];
    }
}
