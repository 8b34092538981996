namespace Relay.Server.Activities;

/// <summary>
/// Brings what happens on each node to the feeds of the others, while anybody reads one: it costs nothing otherwise. What is lost on the
/// way is told as a gap. Never waits, never throws. Any thread.
/// </summary>
internal interface IActivityExchange
{
    /// <summary>Something happened on this node.</summary>
    void Send(AgentActivity activity);

    /// <summary>Somebody begins to read this node's feed.</summary>
    void Want();
}

/// <summary>There is no other node.</summary>
internal sealed class NoActivityExchange : IActivityExchange
{
    public void Send(AgentActivity activity)
    {
    }

    public void Want()
    {
    }
}
