using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Relay.Tests.Shared;

/// <summary>Keeps what the server logs. A warning or an error that the test did not expect fails it.</summary>
internal sealed class LogCollector : ILoggerProvider
{
    private readonly ConcurrentQueue<(LogLevel Level, int Id, string Category, string Text)> _entries = new();
    private readonly ConcurrentDictionary<int, byte> _expected = new();

    public IEnumerable<string> Texts => _entries.Select(static entry => entry.Text);

    /// <summary>Errors of whatever category, the framework's too.</summary>
    public IEnumerable<string> Errors => _entries.Where(static entry => entry.Level >= LogLevel.Error).Select(static entry => $"{entry.Category}: {entry.Text}");

    /// <summary>Warnings and errors with these event ids are part of the test.</summary>
    public void Expect(params int[] eventIds)
    {
        foreach (var id in eventIds)
        {
            _expected.TryAdd(id, 0);
        }
    }

    public void AssertQuiet()
    {
        var unexpected = _entries.Where(entry => entry.Level >= LogLevel.Warning && entry.Category.StartsWith("Relay.", StringComparison.Ordinal) && !_expected.ContainsKey(entry.Id)).ToList();
        Assert.True(unexpected.Count == 0, string.Join('\n', unexpected));
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(LogCollector owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            owner._entries.Enqueue((logLevel, eventId.Id, category, $"{formatter(state, exception)} {exception}"));
    }
}
