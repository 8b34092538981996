using System.Threading.Channels;

namespace Relay.Client.Tests;

/// <summary>Waits for what a test expects, with the one timeout of all tests.</summary>
internal static class Waiting
{
    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(RelayHost.Patience, TimeProvider.System);

    public static Task Soon(this Task task) => task.WaitAsync(RelayHost.Patience, TimeProvider.System);
}

/// <summary>Keeps what an event raised until the test asks for it.</summary>
internal sealed class Recorded<T>
{
    private readonly Channel<T> _happened = Channel.CreateBounded<T>(1000);

    public int Count => _happened.Reader.Count;

    public void Add(T happened) => Assert.True(_happened.Writer.TryWrite(happened));

    public Task<T> NextAsync() => _happened.Reader.ReadAsync().AsTask().Soon();
}
