using System.Globalization;

namespace Relay.Bench;

/// <param name="Names">Which runs.</param>
/// <param name="Only">Parts of contenders' names; null: all.</param>
/// <param name="Rounds">How often each contender has its turn.</param>
/// <param name="Duration">How long it is measured each time.</param>
/// <param name="BodyBytes">The sizes of events: a table for each.</param>
/// <param name="Agents">How many are connected, of runs that are about that; null: as the run likes.</param>
/// <param name="Waiting">How many events wait already, of the run that is about that.</param>
/// <param name="JsonFile">Where all results go; null: nowhere.</param>
/// <param name="SvgFile">Where the picture of the curves goes; null: nowhere.</param>
internal sealed record Settings(IReadOnlyList<string> Names, IReadOnlyList<string>? Only, int Rounds, TimeSpan Duration, IReadOnlyList<int> BodyBytes, IReadOnlyList<int>? Agents, IReadOnlyList<int> Waiting, string? JsonFile, string? SvgFile)
{
    private static readonly string[] Options = ["--only", "--rounds", "--seconds", "--body", "--agents", "--waiting", "--json", "--svg"];

    /// <returns>Null: the arguments were wrong, and that has been said.</returns>
    public static Settings? Read(string[] arguments, string[] known)
    {
        var names = arguments.TakeWhile(static argument => !argument.StartsWith("--", StringComparison.Ordinal)).ToArray();
        var options = arguments.Skip(names.Length).Chunk(2).ToArray();
        try
        {
            if (names.Except(known).Any() || options.Any(static option => option.Length < 2 || !Options.Contains(option[0])))
            {
                throw new FormatException();
            }

            return new Settings(
                names.Length == 0 ? known : names,
                Find("--only")?.Split(','),
                int.Parse(Find("--rounds") ?? "5", CultureInfo.InvariantCulture),
                TimeSpan.FromSeconds(double.Parse(Find("--seconds") ?? "3", CultureInfo.InvariantCulture)),
                Numbers("--body") ?? [1024],
                Numbers("--agents"),
                Numbers("--waiting") ?? [0, 10_000, 100_000],
                Find("--json"),
                Find("--svg"));
        }
        catch (FormatException)
        {
            Console.Error.WriteLine(
                $"scripts/bench [{string.Join('|', known)}]… [--only name,…] [--rounds 5] [--seconds 3] [--body 1024,…] [--agents 1,100,…] [--waiting 0,10000,…] [--json FILE] [--svg FILE]");
            return null;
        }

        string? Find(string name) => options.FirstOrDefault(option => option[0] == name)?[1];

        int[]? Numbers(string name) => Find(name)?.Split(',').Select(static count => int.Parse(count, CultureInfo.InvariantCulture)).ToArray();
    }
}
