using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Relay.Bench.Peers;

namespace Relay.Bench.Measuring;

/// <summary>What was measured on.</summary>
internal sealed record Machine(int Cores, string Cpu, long MemoryMib, string Kernel, string Dotnet, string? Redis, string? Node, string? NatsServer)
{
    public static async Task<Machine> ReadAsync() => new(
        Environment.ProcessorCount,
        Value("/proc/cpuinfo", "model name"),
        long.Parse(Value("/proc/meminfo", "MemTotal").Split(' ')[0], CultureInfo.InvariantCulture) / 1024,
        (await File.ReadAllTextAsync("/proc/sys/kernel/osrelease")).Trim(),
        RuntimeInformation.FrameworkDescription,
        await VersionAsync("redis-server"),
        await VersionAsync("node"),
        await VersionAsync("nats-server"));

    private static string Value(string file, string key) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown";

    private static async Task<string?> VersionAsync(string program)
    {
        if (Installed.Find(program) is not { } path)
        {
            return null;
        }

        using var process = Process.Start(new ProcessStartInfo(path, ["--version"]) { RedirectStandardOutput = true })!;
        var version = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return version.Trim();
    }
}
