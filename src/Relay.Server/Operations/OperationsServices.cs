using Microsoft.Extensions.Options;
using Relay.Server.Operations.Health;
using Relay.Server.Operations.Shutdown;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Operations;

internal static class OperationsServices
{
    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddStartFailure();
        services.AddShutdown();
        services.AddHealth();
        services.AddStatistics();
        services.AddApiDocument();
        services.AddHostedService<WelcomeMessage>();
        return services;
    }

    public static void MapOperations(this IEndpointRouteBuilder routes)
    {
        routes.MapHealth();
        routes.MapStatistics();
    }

    private static void AddShutdown(this IServiceCollection services)
    {
        services.AddOptions<ShutdownOptions>().BindConfiguration(ShutdownOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ShutdownOptions>, ShutdownOptionsValidator>();
        services.AddSingleton<AnnouncedShutdown>();
        services.AddSingleton<IHostLifetime>(static provider => provider.GetRequiredService<AnnouncedShutdown>());
    }
}
