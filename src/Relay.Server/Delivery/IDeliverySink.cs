namespace Relay.Server.Delivery;

/// <summary>Where a pump pushes: the connection. Every call is quick, takes no lock that waits for the pump, and does not throw.</summary>
internal interface IDeliverySink
{
    /// <summary>Queues one event for the socket. Called in the order of delivery, and followed by a <see cref="Flush"/>.</summary>
    void Push(LeasedEvent leased);

    /// <summary>Sends what was pushed. Called without the pump's lock.</summary>
    /// <param name="here">Nothing else is on its way with which it could be sent together: begin on this thread.</param>
    void Flush(bool here);

    /// <summary>The agent named an event that is not one of its own or not in flight.</summary>
    void UnknownEvent(string id);

    /// <summary>The pump's tick is to be called then at the latest.</summary>
    void DueAt(DateTimeOffset due);

    /// <summary>Another session holds the claim.</summary>
    void Superseded();
}
