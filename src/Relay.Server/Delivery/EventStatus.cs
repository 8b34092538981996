using System.Diagnostics.CodeAnalysis;

namespace Relay.Server.Delivery;

/// <summary>An event's state as people are told it: which queue holds a queued event does not matter to them.</summary>
internal enum EventStatus
{
    /// <summary>Ready, held or waiting.</summary>
    Queued,

    /// <summary>Leased.</summary>
    InFlight,
    Delivered,
    Dead,
    Expired,
}

/// <summary>The statuses' names on the wire.</summary>
internal static class EventStatuses
{
    private static readonly string[] Names = ["queued", "in_flight", "delivered", "dead", "expired"];

    /// <summary>For messages that say what is allowed.</summary>
    public static string All { get; } = string.Join(", ", Names);

    public static EventStatus Of(EventState state) => state switch
    {
        EventState.Ready or EventState.Waiting or EventState.Held => EventStatus.Queued,
        EventState.Leased => EventStatus.InFlight,
        EventState.Delivered => EventStatus.Delivered,
        EventState.Dead => EventStatus.Dead,
        _ => EventStatus.Expired,
    };

    public static string Name(this EventStatus status) => Names[(int)status];

    public static bool TryParse([NotNullWhen(true)] string? name, out EventStatus status)
    {
        var index = Array.IndexOf(Names, name);
        status = (EventStatus)Math.Max(index, 0);
        return index >= 0;
    }
}
