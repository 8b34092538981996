namespace Relay.Bench.Measuring;

/// <summary>A folder that goes with this object.</summary>
internal sealed class TemporaryFolder : IAsyncDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("relay-bench-").FullName;

    public string this[string file] => System.IO.Path.Combine(Path, file);

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Path, recursive: true);
        return ValueTask.CompletedTask;
    }
}
