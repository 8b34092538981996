namespace Relay.Server.Delivery;

/// <summary>Where a pump pushes: the connection. Every call is quick, takes no lock that waits for the pump, and does not throw.</summary>
internal interface IDeliverySink
{
    /// <summary>Queues one event for the socket. Called in the order of delivery.</summary>
    void Push(LeasedEvent leased);

    /// <summary>The agent named an event that is not one of its own or not in flight.</summary>
    void UnknownEvent(string id);

    /// <summary>The pump's tick is to be called then at the latest.</summary>
    void DueAt(DateTimeOffset due);

    /// <summary>Another session holds the claim.</summary>
    void Superseded();
}
