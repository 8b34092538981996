using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Relay.Server.Limits;

internal static class LimitServices
{
    public static IServiceCollection AddLimits(this IServiceCollection services)
    {
        services.AddOptions<RateLimitOptions>().BindConfiguration(RateLimitOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<RateLimitOptions>, RateLimitOptionsValidator>();

        // A store that several nodes share brings its own.
        services.TryAddSingleton<IRateLimiter, LocalRateLimiter>();
        services.AddSingleton<WebhookLimits>();
        services.AddSingleton<AddressLimits>();
        services.AddSingleton<AuthenticationGuard>();
        return services;
    }
}
