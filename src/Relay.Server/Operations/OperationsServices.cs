using Microsoft.Extensions.Options;
using Relay.Server.Operations.Health;
using Relay.Server.Operations.Shutdown;

namespace Relay.Server.Operations;

internal static class OperationsServices
{
    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddStartFailure();
        services.AddShutdown();
        services.AddHealth();
        services.AddApiDocument();
        services.AddHostedService<WelcomeMessage>();
        return services;
    }

    private static void AddShutdown(this IServiceCollection services)
    {
        services.AddOptions<ShutdownOptions>().BindConfiguration(ShutdownOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ShutdownOptions>, ShutdownOptionsValidator>();
        services.AddSingleton<AnnouncedShutdown>();
        services.AddSingleton<IHostLifetime>(static provider => provider.GetRequiredService<AnnouncedShutdown>());
    }
}
