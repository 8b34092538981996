using Relay.Server.Events.Replays;

namespace Relay.Server.Events;

internal static class EventServices
{
    public static IServiceCollection AddEvents(this IServiceCollection services) => services
        .AddSingleton<EventAccess>()
        .AddSingleton<EventReplayer>()
        .AddSingleton<ReplayRunner>()
        .AddSingleton<ReplayJobs>()
        .AddHostedService(static provider => provider.GetRequiredService<ReplayJobs>());
}
