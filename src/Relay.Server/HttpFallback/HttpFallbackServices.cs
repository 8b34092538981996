using Microsoft.Extensions.Options;

namespace Relay.Server.HttpFallback;

internal static class HttpFallbackServices
{
    public static IServiceCollection AddHttpFallback(this IServiceCollection services)
    {
        services.AddOptions<HttpFallbackOptions>().BindConfiguration(HttpFallbackOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<HttpFallbackOptions>, HttpFallbackOptionsValidator>();
        services.AddSingleton<AddressRule>();
        services.AddSingleton<EndpointUrl>();
        services.AddSingleton<GuardedConnector>();
        services.AddSingleton<EndpointPoster>();
        services.AddSingleton<TargetCircuits>();
        services.AddSingleton<HttpDeliveryServices>();
        services.AddSingleton<HttpDeliveries>();
        services.AddHostedService(static provider => provider.GetRequiredService<HttpDeliveries>());
        return services;
    }
}
