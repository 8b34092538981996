namespace Relay.Server.Activities;

/// <summary>Where what happens is told, once: to the live feed, and to the agents' logs what is kept there. Never waits, never throws. Any thread.</summary>
internal sealed class ActivityHub(ActivityFeed feed, AgentLogWriter log)
{
    public void Publish(AgentActivity activity)
    {
        feed.Publish(activity);
        if (activity.IsLogged)
        {
            log.Write(activity);
        }
    }
}
