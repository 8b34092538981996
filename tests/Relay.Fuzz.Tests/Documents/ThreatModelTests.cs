using System.Text.RegularExpressions;

namespace Relay.Fuzz.Tests.Documents;

public sealed partial class ThreatModelTests
{
    /// <summary>A claim without its test is a wish.</summary>
    [Fact]
    public void Every_test_that_the_threat_model_names_exists()
    {
        var root = Root();
        var named = TestName().Matches(File.ReadAllText(Path.Combine(root, "docs", "threat-model.md"))).Select(static match => (Class: match.Groups[1].Value, Method: match.Groups[2].Value)).ToList();
        var sources = Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText).ToList();

        Assert.True(named.Count > 40, $"Only {named.Count} tests are named.");
        var missing = named.Where(test => !sources.Any(source =>
            Regex.IsMatch(source, $@"\bclass {test.Class}\b") && Regex.IsMatch(source, $@"(Task|void) {test.Method}\("))).ToList();
        Assert.True(missing.Count == 0, $"No such test: {string.Join(", ", missing)}");
    }

    /// <summary>Rows of tables, but for their heads, name at least one test each.</summary>
    [Fact]
    public void Every_line_of_the_threat_model_names_a_test()
    {
        var rows = File.ReadAllLines(Path.Combine(Root(), "docs", "threat-model.md"))
            .Where(static line => line.StartsWith('|') && !line.StartsWith("|---", StringComparison.Ordinal) && !line.Contains("| shown by |", StringComparison.Ordinal));

        Assert.DoesNotContain(rows, static row => !TestName().IsMatch(row));
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Relay.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("No folder above has Relay.sln.");
        }

        return folder.FullName;
    }

    [GeneratedRegex(@"`([A-Z]\w+(?:Tests|Contract))\.(\w+)`")]
    private static partial Regex TestName();
}
