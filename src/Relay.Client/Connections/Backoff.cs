namespace Relay.Client;

/// <summary>
/// How long to wait before the next attempt: full jitter (a random part of a doubling, capped delay), so that many agents do not come
/// back together. One loop's.
/// </summary>
internal sealed class Backoff(RelayClientOptions options)
{
    /// <summary>Attempts in a row, since a connection last held.</summary>
    public int Attempt { get; private set; }

    /// <param name="held">The last connection was of use, so that counting starts anew.</param>
    /// <param name="hint">When the server wants the next connection; it is kept to as long as connections hold.</param>
    public TimeSpan Next(bool held, TimeSpan? hint)
    {
        Attempt = held ? 1 : Attempt + 1;
        var doubled = options.ReconnectBaseDelay.TotalSeconds * Math.Pow(2, Attempt - 1);
        var ceiling = TimeSpan.FromSeconds(Math.Min(options.MaxReconnectDelay.TotalSeconds, doubled));
        if (hint is not { } asked)
        {
            return ceiling * options.Jitter();
        }

        // A little jitter: all agents of a server that shuts down are told the same.
        var spread = Attempt == 1 ? options.ReconnectBaseDelay / 2 : ceiling;
        var delay = asked + (spread * options.Jitter());
        return delay < options.MaxReconnectDelay ? delay : options.MaxReconnectDelay;
    }
}
