using System.Diagnostics;

namespace Relay.Bench.Peers;

/// <summary>What this machine has. Nothing is installed here but Node packages beside <c>bench/peers/package.json</c>.</summary>
internal static class Installed
{
    private static readonly string[] Folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/usr/local/sbin"];
    private static Task<string?>? _packages;

    /// <summary>The folder with the peers' scripts: above this program.</summary>
    public static string Scripts { get; } = FindScripts();

    /// <summary>Where a program is; null: nowhere.</summary>
    public static string? Find(string program) => Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>Node, and the packages of the peers' scripts, which are installed now if they are not there.</summary>
    /// <returns>Null: they are there. Else what is missing.</returns>
    public static Task<string?> FindMissingNodeAsync() =>
        Find("node") is null || Find("npm") is null ? Task.FromResult<string?>("install Node 20 or later (Debian: apt-get install nodejs npm)") : _packages ??= InstallPackagesAsync();

    private static async Task<string?> InstallPackagesAsync()
    {
        var (wanted, has) = (new FileInfo(Path.Combine(Scripts, "package-lock.json")), new FileInfo(Path.Combine(Scripts, "node_modules", ".package-lock.json")));
        if (has.Exists && has.LastWriteTimeUtc >= wanted.LastWriteTimeUtc)
        {
            return null;
        }

        Console.WriteLine("npm ci in bench/peers");
        using var npm = Process.Start(new ProcessStartInfo(Find("npm")!, ["ci", "--ignore-scripts", "--loglevel=error"]) { WorkingDirectory = Scripts })!;
        await npm.WaitForExitAsync();
        return npm.ExitCode == 0 ? null : "npm ci in bench/peers failed, see above";
    }

    private static string FindScripts()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var scripts = Path.Combine(folder.FullName, "peers");
            if (File.Exists(Path.Combine(scripts, "package.json")))
            {
                return scripts;
            }
        }

        throw new InvalidOperationException("bench/peers is not above the program: run it from its repository, with scripts/bench.");
    }
}
