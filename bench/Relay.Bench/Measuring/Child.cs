using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace Relay.Bench.Measuring;

/// <summary>A process of a contender: what it costs is read from the kernel, and it ends with this object.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const double TicksPerSecond = 100; // USER_HZ, on every Linux that .NET runs on.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly Allocations? _allocations;
    private readonly Channel<string> _lines = Channel.CreateBounded<string>(new BoundedChannelOptions(64) { FullMode = BoundedChannelFullMode.DropOldest });

    private Child(string name, Process process, Allocations? allocations) => (Name, _process, _allocations) = (name, process, allocations);

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

    /// <summary>Since its start; null: it is not .NET.</summary>
    public long? AllocatedBytes => _allocations?.Read();

    /// <summary>Has it give back what it does not need, if it is .NET.</summary>
    public void CollectGarbage() => _allocations?.Read(collect: true);

    public double PeakMemoryMiB => ReadMemory("VmHWM:");

    public double MemoryMiB => ReadMemory("VmRSS:");

    /// <summary>Starts it, and waits for the line that says that it is ready, if there is to be one.</summary>
    /// <exception cref="InvalidOperationException">It ended before.</exception>
    public static async Task<Child> StartAsync(
        string name, string program, IEnumerable<string> arguments, IEnumerable<(string, string)> environment, string? readyLine, Allocations? allocations = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (key, value) in environment.Concat(allocations?.Environment ?? []))
        {
            start.Environment[key] = value;
        }

        var child = new Child(name, Process.Start(start)!, allocations);
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        child._process.ErrorDataReceived += static (_, line) =>
        {
            if (!string.IsNullOrEmpty(line.Data))
            {
                Console.Error.WriteLine(line.Data);
            }
        };
        child._process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                ready.TrySetException(new InvalidOperationException($"{name} ended before it was ready."));
                child._lines.Writer.TryComplete();
            }
            else if (ready.Task.IsCompleted || readyLine is null)
            {
                child._lines.Writer.TryWrite(line.Data);
            }
            else if (line.Data.Contains(readyLine, StringComparison.Ordinal))
            {
                ready.SetResult();
            }
        };
        child._process.BeginErrorReadLine();
        child._process.BeginOutputReadLine();
        try
        {
            await (readyLine is null ? Task.CompletedTask : ready.Task.WaitAsync(Patience));
            return child;
        }
        catch (Exception)
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>One of this program's own floors.</summary>
    /// <param name="floor">Which.</param>
    /// <param name="folder">For what it writes; a floor is killed and cleans nothing up.</param>
    /// <param name="arguments">Its own.</param>
    public static Task<Child> StartFloorAsync(string floor, string folder, params string[] arguments) => StartAsync(
        floor, "dotnet", [typeof(Child).Assembly.Location, "floor", floor, .. arguments], [("DOTNET_gcServer", "1"), ("TMPDIR", folder)], Floors.Floor.ReadyLine, new Allocations());

    /// <summary>Says a line to it, and gets its next line.</summary>
    /// <exception cref="ChannelClosedException">It ended.</exception>
    public async Task<string> AskAsync(string line, CancellationToken cancellation = default)
    {
        await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation);
        await _process.StandardInput.FlushAsync(cancellation);
        return await _lines.Reader.ReadAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _allocations?.Forget();
    }

    private double ReadMemory(string field)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
