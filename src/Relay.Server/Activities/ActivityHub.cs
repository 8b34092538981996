namespace Relay.Server.Activities;

/// <summary>Where what happens is told, once: to the live feeds of all nodes, and to the agents' logs what is kept there. Never waits, never throws. Any thread.</summary>
internal sealed class ActivityHub(ActivityFeed feed, IActivityExchange exchange, AgentLogWriter log)
{
    public void Publish(AgentActivity activity)
    {
        feed.Publish(activity);
        exchange.Send(activity);
        if (activity.IsLogged)
        {
            log.Write(activity);
        }
    }
}
