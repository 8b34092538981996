using Relay.Server.Delivery;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Activities;

internal static class ActivityServices
{
    /// <summary>Tells of what happens. Comes after the store: it stands before its queue.</summary>
    public static IServiceCollection AddActivities(this IServiceCollection services)
    {
        services.AddSingleton<ActivityFeed>();
        services.AddSingleton<AgentLogWriter>();
        services.AddSingleton<ActivityHub>();
        services.AddSingleton<AuthFailures>();
        services.AddSingleton<AccessWatch>();
        services.AddHostedService(static provider => provider.GetRequiredService<AgentLogWriter>());

        var stored = services.Last(static service => service.ServiceType == typeof(IDeliveryQueue));
        services.Remove(stored);
        services.AddSingleton<IDeliveryQueue>(provider => new ObservedDeliveryQueue(
            (IDeliveryQueue)ActivatorUtilities.CreateInstance(provider, stored.ImplementationType!), provider.GetRequiredService<ActivityHub>(), provider.GetRequiredService<Statistics>()));
        return services;
    }
}
