using System.Collections.Concurrent;

namespace Relay.Client.Tests.AgainstServer;

/// <summary>How often each event was handled. Any thread.</summary>
internal sealed class Tally
{
    private readonly ConcurrentDictionary<string, int> _times = new();

    public void Add(string id) => _times.AddOrUpdate(id, 1, static (_, times) => times + 1);

    /// <summary>Waits until so many different events were handled.</summary>
    public Task WhenAsync(int events) => Eventually.AsyncTrue(() => _times.Count >= events);

    public void AssertOnceEach(IEnumerable<string> ids) =>
        Assert.Equal(ids.Order(StringComparer.Ordinal).Select(static id => (id, 1)), _times.OrderBy(static item => item.Key, StringComparer.Ordinal).Select(static item => (item.Key, item.Value)));
}
