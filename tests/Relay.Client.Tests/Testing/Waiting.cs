using System.Threading.Channels;

namespace Relay.Client.Tests;

/// <summary>Waits for what a test expects, with one timeout for all of them.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Limit, TimeProvider.System);

    public static Task Soon(this Task task) => task.WaitAsync(Limit, TimeProvider.System);
}

/// <summary>Keeps what an event raised until the test asks for it.</summary>
internal sealed class Recorded<T>
{
    private readonly Channel<T> _happened = Channel.CreateBounded<T>(1000);

    public int Count => _happened.Reader.Count;

    public void Add(T happened) => Assert.True(_happened.Writer.TryWrite(happened));

    public Task<T> NextAsync() => _happened.Reader.ReadAsync().AsTask().Soon();
}
