using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Relay.Client.Tests;

/// <summary>Keeps every line, whatever its level.</summary>
internal sealed class RecordingLogger : ILoggerFactory, ILoggerProvider, ILogger
{
    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    /// <summary>From this level on it throws, as a factory's logger does when a provider fails.</summary>
    public LogLevel ThrowsFrom { get; init; } = LogLevel.None;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Lines.Enqueue((logLevel, formatter(state, exception) + exception));
        if (logLevel >= ThrowsFrom)
        {
            throw new AggregateException("A provider failed.", new IOException("The disk is full."));
        }
    }

    public void Dispose()
    {
    }
}
