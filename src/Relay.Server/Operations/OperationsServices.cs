using Relay.Server.Operations.Health;

namespace Relay.Server.Operations;

internal static class OperationsServices
{
    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddStartFailure();
        services.AddHealth();
        services.AddApiDocument();
        services.AddHostedService<WelcomeMessage>();
        return services;
    }
}
