using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Http;

namespace Relay.Server.Events;

/// <summary>Finds the event that a call names, for the admin and for its agent. To any other agent it is unknown.</summary>
internal sealed class EventAccess(Access access, IDeliveryQueue queue)
{
    public async Task<(StoredEvent? Event, ErrorResult? Fault)> FindAsync(HttpContext context, string id)
    {
        var (_, agent, fault) = await access.AdmitAsync(context);
        if (fault is not null)
        {
            return (null, fault);
        }

        var found = !EventId.TryParse(id, out var eventId) ? null
            : agent is null ? await queue.FindAsync(eventId)
            : await queue.FindAsync(agent.Id, eventId);
        return found is null ? (null, EventFailures.UnknownEvent()) : (found, null);
    }
}

internal static class EventFailures
{
    public static ErrorResult UnknownEvent() => new(
        StatusCodes.Status404NotFound, ErrorCodes.UnknownEvent, "No event that you may see has this id, or it is no longer kept.");
}
