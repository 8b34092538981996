using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Options;
using Relay.Server.Operations.Health;
using Relay.Server.Operations.Shutdown;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Operations;

internal static class OperationsServices
{
    /// <summary>
    /// Unless it is configured otherwise: not every request is logged, because addresses of webhooks may hold senders' tokens. Said here, so
    /// that it is so wherever the server is started.
    /// </summary>
    private static readonly Dictionary<string, string?> LogLevels = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",

        // As long as it could say anything, the framework makes an activity and a scope for each request.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
    };

    public static void AddOperations(this WebApplicationBuilder builder)
    {
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = LogLevels });
        var services = builder.Services;
        services.AddStartFailure();
        services.AddShutdown();
        services.AddHealth();
        services.AddStatistics();
        services.AddApiDocument();
        services.AddHostedService<WelcomeMessage>();
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
