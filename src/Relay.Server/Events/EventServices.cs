namespace Relay.Server.Events;

internal static class EventServices
{
    public static IServiceCollection AddEvents(this IServiceCollection services) => services
        .AddSingleton<EventAccess>();
}
