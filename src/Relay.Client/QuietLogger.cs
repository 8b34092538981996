using Microsoft.Extensions.Logging;

namespace Relay.Client;

/// <summary>The user's logger, whose failures are nobody's: a line that a provider could not write must not end what it tells of.</summary>
internal sealed class QuietLogger(ILogger inner) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => Try(() => inner.BeginScope(state));

    public bool IsEnabled(LogLevel logLevel) => Try(() => inner.IsEnabled(logLevel));

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // Where it could be told is what failed.
        }
    }

    private static T? Try<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception)
        {
            return default;
        }
    }
}
