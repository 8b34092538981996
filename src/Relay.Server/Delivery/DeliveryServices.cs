using Microsoft.Extensions.Options;
using Relay.Server.Delivery.Expiry;

namespace Relay.Server.Delivery;

internal static class DeliveryServices
{
    public static IServiceCollection AddDelivery(this IServiceCollection services)
    {
        services.AddOptions<DeliveryOptions>().BindConfiguration(DeliveryOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<DeliveryOptions>, DeliveryOptionsValidator>();
        services.AddSingleton(Random.Shared);
        services.AddSingleton<RetrySchedule>();
        services.AddSingleton<EventIdSource>();
        services.AddSingleton<SenderWaits>();
        services.AddSingleton<DeliveryPumpServices>();
        services.AddHostedService<SettledEventPruner>();
        services.AddHostedService<ExpirySweeper>();
        return services;
    }
}
