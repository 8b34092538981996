using System.Diagnostics;
using System.Globalization;

namespace Relay.Bench.Measuring;

/// <summary>A process of a contender: what it costs is read from the kernel, and it ends with this object.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const double TicksPerSecond = 100; // USER_HZ, on every Linux that .NET runs on.
    private readonly Process _process;

    private Child(string name, Process process) => (Name, _process) = (name, process);

    public string Name { get; }

    /// <summary>CPU time used until now, in µs: user and system.</summary>
    public double CpuMicroseconds
    {
        get
        {
            var stat = File.ReadAllText($"/proc/{_process.Id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond * 1e6;
        }
    }

    public double PeakMemoryMiB => ReadMemory("VmHWM:");

    public double MemoryMiB => ReadMemory("VmRSS:");

    /// <summary>Starts it, and waits for the line that says that it is ready, if there is to be one.</summary>
    public static async Task<Child> StartAsync(string name, string program, IEnumerable<string> arguments, IEnumerable<(string, string)> environment, string? readyLine)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        var process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, line) =>
        {
            if (!string.IsNullOrEmpty(line.Data))
            {
                Console.Error.WriteLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            if (readyLine is null || line.Data?.Contains(readyLine, StringComparison.Ordinal) != false)
            {
                ready.TrySetResult();
            }
        };
        process.BeginOutputReadLine();
        if (readyLine is not null)
        {
            await ready.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }

        return new Child(name, process);
    }

    /// <summary>One of this program's own floors.</summary>
    public static Task<Child> StartFloorAsync(string floor, params string[] arguments) =>
        StartAsync(floor, "dotnet", [typeof(Child).Assembly.Location, "floor", floor, .. arguments], [("DOTNET_gcServer", "1")], Floors.Floor.ReadyLine);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private double ReadMemory(string field)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
