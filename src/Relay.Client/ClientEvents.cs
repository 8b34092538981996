using Microsoft.Extensions.Logging;

namespace Relay.Client;

/// <summary>Raises the client's events: one subscriber after the other, and none can harm the loop that raises them.</summary>
internal sealed class ClientEvents(ILogger log)
{
    public event Action<RelayConnected>? Connected;

    public event Action<RelayDisconnected>? Disconnected;

    public event Action<RelayReconnecting>? Reconnecting;

    public event Action<RelayGap>? Gap;

    public event Action<RelayError>? Error;

    public void Raise(RelayConnected happened) => Raise(Connected, happened);

    public void Raise(RelayDisconnected happened) => Raise(Disconnected, happened);

    public void Raise(RelayReconnecting happened) => Raise(Reconnecting, happened);

    public void Raise(RelayGap happened)
    {
        log.GivenUp(happened.Count, happened.Reason, happened.From, happened.To);
        Raise(Gap, happened);
    }

    public void Raise(RelayError happened)
    {
        log.Failed(happened.Kind, happened.Message, happened.EventId, happened.Exception);
        Raise(Error, happened);
    }

    private void Raise<T>(Action<T>? subscribers, T happened)
    {
        foreach (var subscriber in Delegate.EnumerateInvocationList(subscribers))
        {
            try
            {
                subscriber(happened);
            }
            catch (Exception exception)
            {
                log.SubscriberThrew(typeof(T).Name, exception);
            }
        }
    }
}
