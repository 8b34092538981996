using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Ingest;

namespace Relay.Server.Events.Replays;

/// <summary>Sends an event once more: a new event with the same head and bytes, which goes the way of any other. Any thread.</summary>
internal sealed class EventReplayer(WebhookIntake intake)
{
    /// <summary>What is not settled will be delivered anyway: to repeat it would be to deliver it twice.</summary>
    public static bool CanReplay(StoredEvent stored) => stored.State is EventState.Delivered or EventState.Dead or EventState.Expired;

    /// <summary>Takes its place in the agent's order before it returns its task.</summary>
    public Task<AcceptResult> ReplayAsync(Agent agent, StoredEvent stored) =>
        intake.RepeatAsync(agent, ReplayHead.Of(stored.Id, stored.Head.Span), stored.Body);
}
